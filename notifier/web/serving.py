"""What a process needs once it holds sockets: presence, delivery, the subscription, the sweep."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from ..broker.channels import Channels
from ..broker.endpoint import endpoint_of
from ..broker.publisher import RedisPublisher
from ..broker.wire import Wire
from ..config import Settings
from ..errors import ConfigurationError
from ..operations import Event
from ..publisher import MemoryPublisher, Publisher
from ..stamps import system_clock
from .delivery import Delivery, Sweep
from .joint import RETIRED, Joint
from .metrics import Metrics
from .presence import Presence
from .sessions import Sessions

__all__ = ["Serving", "wire_of"]

log = logging.getLogger("notifier.web")

# A worker whose broker is not up by then serves polls and sweeps, and joins later.
_START_SECONDS = 5.0

Heads = Callable[[Sequence[str]], dict[str, int]]


def wire_of(settings: Settings) -> Wire:
    """The channels and the seal that the settings ask for. Raises ConfigurationError."""
    key = settings.broker_key or settings.secret_key
    if not key:
        raise ConfigurationError(
            "pushes through Redis are sealed: set SECRET_KEY (or NOTIFIER_BROKER_KEY) to the same "
            "value in every process"
        )
    return Wire(settings.channel, key)


def _weakly(method: Callable[..., None]) -> Callable[..., None]:
    """``method`` for a publisher, which a host's global session has, and through it our app."""
    ref = weakref.WeakMethod(method)

    def call(*given: Any) -> None:
        if (found := ref()) is not None:
            found(*given)

    return call


class Serving:
    """The serving side of one app in one process. Nothing runs until ``start``."""

    def __init__(
        self,
        joint: Joint,
        settings: Settings,
        publisher: Publisher,
        heads: Heads,
        database_failed: Callable[[SQLAlchemyError], None],
        metrics: Metrics,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._lock = threading.Lock()
        # Presence and subscription change together, or a user who returns would be left deaf.
        self._membership = threading.Lock()
        self._started = False
        self._by_server = False
        self.stopped = False
        self.retired = False
        self.joint = joint
        self._server = server = joint.server
        self.presence = Presence()
        self.delivery = Delivery(server, settings.namespace, self.presence)
        self.delivery.observe = metrics.emitted
        self.sessions = Sessions(joint, self.presence, settings.connect_timeout, self.leave)
        self.sweep = Sweep(
            self.presence,
            self.delivery,
            heads,
            settings.sweep_interval,
            self._keep_house,
            database_failed,
        )
        self.subscription: Channels | None = None
        if isinstance(publisher, MemoryPublisher):
            publisher.subscribe(_weakly(self._push_here))
        elif isinstance(publisher, RedisPublisher):
            publisher.observe = _weakly(metrics.published)
            self.subscription = self._subscription(publisher)

    def connected(self, sid: str) -> bool:
        """Whether the socket is connected for good: neither on its way in nor out."""
        return bool(self._server.manager.is_connected(sid, self._settings.namespace))

    def enter(self, sid: str, user: str) -> bool:
        """Note a socket of ``user`` and want the user's events; False if there are too many."""
        with self._membership:
            if not self.presence.join(sid, user, self._settings.sockets_per_user):
                return False
            if self.subscription is not None:
                self.subscription.join(user)
            return True

    def leave(self, sid: str) -> None:
        """Forget a socket; with the user's last one, stop wanting the user's events."""
        with self._membership:
            user = self.presence.leave(sid)
            if user is not None and self.subscription is not None:
                self.subscription.leave(user)

    def start(self) -> None:
        """Subscribe and sweep, in the background. Repeats are harmless.

        Raises ConfigurationError if the app's SocketIO serves another one by now.
        """
        if self.retired:
            raise ConfigurationError(RETIRED)
        with self._lock:
            if self._started:
                return
            self._started = True
        if self.subscription is not None:
            self.subscription.start()
        self.sweep.start()

    def wait_ready(self) -> None:
        """Wait for the subscription, as a server does before it serves.

        A broker that stays away is logged, not raised.
        """
        self._by_server = True
        if self.subscription is not None and not self.subscription.wait_ready(_START_SECONDS):
            log.warning(
                "No subscription to Redis after %g s; serving without it, pages follow by the "
                "sweep and by polling. Check REDIS_URL and the server.",
                _START_SECONDS,
            )

    def broker_state(self) -> str:
        """``ok``, ``unreachable``, or ``none`` where no broker is configured."""
        if self.subscription is None:
            return "none"
        if not self.stopped:
            self.start()
        return "ok" if self.subscription.ready else "unreachable"

    def in_use(self) -> bool:
        """Whether a server has the app, or a client a socket of it."""
        return not self.stopped and (self._by_server or self.joint.has_sockets())

    def retire(self) -> None:
        """The app's SocketIO serves another one from now on: the newest, as Flask-SocketIO has it.

        What the app notifies is in the database and, through a broker, in other processes; here
        it has no sockets any more.
        """
        if self._started and not self.stopped:
            log.warning("A former app of the same SocketIO makes way: %s", RETIRED)
        self.retired = True
        self.stop(0)

    def stop(self, timeout: float) -> None:
        """Close every socket and end the background work, within ``timeout`` seconds or so."""
        self.stopped = True
        self.sweep.stop(timeout)
        if not self.retired:
            # Otherwise they would be the other app's.
            self.sessions.close_all(timeout)
        if self.subscription is not None:
            self.subscription.close(timeout)

    def _push_here(self, events: Sequence[Event]) -> None:
        """Publish and deliver in one, where there is no broker."""
        now = system_clock()
        self._metrics.published(events, now)
        if not self.retired:
            self.delivery.push([replace(event, published=now) for event in events])

    def _keep_house(self) -> None:
        self.sessions.reap()
        self._metrics.save()

    def _subscription(self, publisher: RedisPublisher) -> Channels:
        settings = self._settings
        endpoint = endpoint_of(settings.redis_url, settings.broker_timeout)
        return endpoint.subscription(
            wire_of(settings), publisher.note, self.delivery.push, self.sweep.request
        )
