"""The app that takes us in: what we check before, and what we see to when it first serves."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import flask

from ..engine.modes import detect_async_mode
from ..errors import ConfigurationError
from .joint import NO_SERVER, RETIRED

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["check_app", "check_callable", "check_names", "check_routes", "when_first_asked"]

log = logging.getLogger("notifier.web")

_OTHER_PREFIX = "set NOTIFIER_URL_PREFIX, such as '/notifier', to move ours"


def check_callable(name: str, given: object, wanted: str) -> None:
    """Raises ConfigurationError if ``given`` is neither None nor callable."""
    if given is not None and not callable(given):
        raise ConfigurationError(f"{name}= cannot be a {type(given).__name__}; pass {wanted}")


def check_app(app: Any, notifier: Notifier, *, has_socketio: bool) -> None:
    """Raises ConfigurationError if the notifier cannot be wired to ``app``."""
    if not isinstance(app, flask.Flask):
        raise ConfigurationError(f"Notifier needs the Flask app; it got a {type(app).__name__}")
    if notifier.app is not None:
        raise ConfigurationError(
            "this notifier has an app already, and init_app is called once; make a Notifier for "
            "each app, in create_app() say, and reach it by notifier.current_notifier"
        )
    if "notifier" in app.extensions:
        raise ConfigurationError(
            "the app has a notifier already; use app.extensions['notifier'], or remove the second"
        )
    if app._got_first_request:
        raise ConfigurationError(
            "the app has served a request already; call Notifier(app) or init_app when it is made"
        )
    if "socketio" in app.extensions and not has_socketio:
        raise ConfigurationError(
            "the app has a SocketIO already; pass it: Notifier(app, ..., socketio=socketio)"
        )


def check_names(app: flask.Flask, blueprint: str) -> None:
    """Raises ConfigurationError if the app uses one of our names for something else."""
    if blueprint in app.blueprints:
        raise ConfigurationError(
            f"the app has a blueprint named {blueprint!r}; set NOTIFIER_BLUEPRINT to another name"
        )
    if "notifier" in app.cli.commands:
        raise ConfigurationError(
            "the app has a command named 'notifier', the name of ours; give it another one"
        )


def check_routes(app: flask.Flask, blueprint: str) -> None:
    """Raises ConfigurationError if the app has routes where we need ours."""
    for rule, other in _clashes(app, blueprint):
        raise ConfigurationError(f"the app has a route {rule} already ({other}); {_OTHER_PREFIX}")


def _clashes(app: flask.Flask, blueprint: str) -> Iterator[tuple[str, str]]:
    ours = f"{blueprint}."
    rules = list(app.url_map.iter_rules())
    methods = {
        (rule.rule, method): rule.endpoint
        for rule in rules
        # One that only builds URLs answers nothing.
        if not rule.endpoint.startswith(ours) and not rule.build_only
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    for rule in rules:
        if rule.endpoint.startswith(ours):
            for method in rule.methods or ():
                if (rule.rule, method) in methods:
                    yield rule.rule, methods[rule.rule, method]


def when_first_asked(app: flask.Flask) -> None:
    """See to what depends on extensions and routes that the host adds after us."""

    # It holds neither: the signal would keep an app alive that is made and never asked.
    def prepare(app: flask.Flask, **_extra: object) -> None:
        notifier: Notifier = app.extensions["notifier"]
        _check_socketio(app, notifier)
        _exempt_from_csrf(app, notifier)
        _check_async_mode(notifier)
        notifier.readiness.company.note(flask.request.environ)
        for rule, other in _clashes(app, notifier.settings.blueprint):
            log.error("The app's route %s (%s) is hidden by ours; %s", rule, other, _OTHER_PREFIX)
        flask.request_started.disconnect(prepare, app)

    flask.request_started.connect(prepare, app, weak=False)


def _check_socketio(app: flask.Flask, notifier: Notifier) -> None:
    if notifier.socketio.server is None:
        raise ConfigurationError(NO_SERVER)
    if app.extensions.get("socketio") is not notifier.socketio:
        raise ConfigurationError(
            "a SocketIO that the notifier does not know has taken the app over; pass it: "
            "Notifier(app, ..., socketio=socketio)"
        )
    notifier.serving.joint.check()
    if notifier.serving.retired:
        log.error("Pages of this app follow by polling alone: %s", RETIRED)


def _check_async_mode(notifier: Notifier) -> None:
    """Flask-SocketIO takes eventlet where it is installed, patched or not, if it is not told."""
    chosen, fitting = notifier.socketio.async_mode, detect_async_mode()
    if not chosen.startswith(fitting):
        log.error(
            "The app's SocketIO runs on %s, but this process is ready for %s: say "
            "SocketIO(..., async_mode=%r), or have the server patch sockets first",
            *(chosen, fitting, fitting),
        )


def _exempt_from_csrf(app: flask.Flask, notifier: Notifier) -> None:
    """Let Flask-WTF's CSRFProtect leave our API alone, which guards itself.

    It takes a signed-in browser's JSON only, and only from pages of allowed origins.
    """
    csrf: Any = app.extensions.get("csrf")
    for blueprint in notifier.blueprints if hasattr(csrf, "exempt") else ():
        csrf.exempt(blueprint)
