"""Putting the edge onto an app."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import flask
from flask_socketio import SocketIO

from ..broker.embedded import embedded_url, is_running
from ..broker.endpoint import endpoint_of
from ..broker.publisher import RedisPublisher
from ..config import PREFIX, Settings
from ..engine.manager import IndexedManager
from ..engine.middleware import harden
from ..engine.modes import detect_async_mode
from ..engine.transport import socketio_class
from ..publisher import MemoryPublisher, Publisher
from . import api, cli, hosting, pages, problems, sockets
from .identity import Identify, Identity
from .joint import HOST_NAMESPACE, Joint
from .metrics import Metrics
from .origins import allow
from .outage import Outage
from .readiness import Readiness
from .serving import Serving, wire_of
from .tokens import Tokens

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["identity_of", "publisher_of", "register", "settings_of"]

# All a client ever sends is its CONNECT with a token, and heartbeats.
_LARGEST_FRAME = 16_384


def settings_of(app: flask.Flask, *, shared: bool) -> Settings:
    """The settings of ``app``, with the instance folder's running broker where none is named.

    On a SocketIO that the host shares we have a namespace of our own by default.
    """
    defaults = {f"{PREFIX}NAMESPACE": HOST_NAMESPACE} if shared else {}
    settings = Settings.load(app.config, {**defaults, **os.environ})
    if settings.redis_url or not is_running(app.instance_path):
        return settings
    return replace(settings, redis_url=embedded_url(app.instance_path))


def publisher_of(settings: Settings) -> Publisher:
    """The publisher that the settings ask for. Raises ConfigurationError for a bad REDIS_URL."""
    if not settings.redis_url:
        return MemoryPublisher()
    return RedisPublisher(
        endpoint_of(settings.redis_url, settings.broker_timeout).sender,
        wire_of(settings),
        settings.queue_size,
        settings.queue_seconds,
    )


def identity_of(
    app: flask.Flask | None, settings: Settings, identify: Identify | None = None
) -> Identity:
    """Who is who in ``app``: its own session, and tokens signed with its keys."""
    keys = settings.token_keys
    if not keys:
        older = (app.config.get("SECRET_KEY_FALLBACKS") if app else None) or ()
        keys = tuple(_text(key) for key in (settings.secret_key, *older) if key)
    return Identity(identify, Tokens(keys, settings.token_max_age))


def register(
    app: flask.Flask, notifier: Notifier, host_socketio: SocketIO | None
) -> list[flask.Blueprint]:
    """Add routes, sockets, templates and commands of ``notifier`` to ``app``; the blueprints."""
    settings = notifier.settings
    blueprint = pages.blueprint(settings.blueprint, settings.url_prefix)
    notifier.outage = Outage(
        lambda: notifier.store.ping(), lambda: notifier.serving.sweep.request()
    )
    notifier.readiness = Readiness(notifier)
    notifier.metrics = Metrics(notifier)
    problems.register(blueprint, notifier.outage)
    api.register(blueprint, notifier)
    app.register_blueprint(blueprint)
    hosting.check_routes(app, settings.blueprint)
    pages.register(app, notifier)
    joint = _joint(app, settings, host_socketio)
    notifier.socketio = joint.socketio
    notifier.serving = Serving(
        joint,
        settings,
        notifier.publisher,
        lambda users: notifier.store.heads(users),
        notifier.outage.note,
        notifier.metrics,
    )
    sockets.register(joint, notifier)
    if not joint.shared or settings.trusted_proxies:
        app.wsgi_app = harden(  # type: ignore[method-assign, assignment]
            app.wsgi_app,
            trusted_proxies=settings.trusted_proxies,
            socket_path=settings.socket_path,
        )
    hosting.when_first_asked(app)
    cli.register(app, notifier)
    return [blueprint]


def _joint(app: flask.Flask, settings: Settings, host_socketio: SocketIO | None) -> Joint:
    if host_socketio is not None:
        return Joint(host_socketio, settings.namespace, shared=True)
    return Joint(_socketio(app, settings), settings.namespace, shared=False)


def _socketio(app: flask.Flask, settings: Settings) -> SocketIO:
    return socketio_class(settings.socket_engine)(
        app,
        client_manager=IndexedManager(),
        async_mode=detect_async_mode(),
        path=settings.socket_path,
        transports=list(settings.transports),
        cors_allowed_origins=allow(settings.allowed_origins),
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
        max_http_buffer_size=_LARGEST_FRAME,
        manage_session=False,
        namespaces=[settings.namespace],
    )


def _text(secret: str | bytes) -> str:
    return secret.decode("latin-1") if isinstance(secret, bytes) else secret
