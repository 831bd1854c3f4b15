"""Socket.IO: who may connect, into which room, and what they are told first."""

from __future__ import annotations

import logging
import weakref
from typing import TYPE_CHECKING

import flask
from flask_socketio import ConnectionRefusedError
from sqlalchemy.exc import SQLAlchemyError

from ..errors import TokenError
from .delivery import room
from .identity import has_token
from .joint import Joint
from .origins import same_host

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["register"]

log = logging.getLogger("notifier.web")

# A second in all; by then the socket has gone or its server is in no state to care.
_CONNECT_TRIES = 200
_CONNECT_PAUSE = 0.005


def register(joint: Joint, notifier: Notifier) -> None:
    """Serve the notifier's namespace. Raises ConfigurationError if the host does so already."""
    sockets = _Sockets(joint, notifier)
    joint.register(sockets.connect, sockets.disconnect)


def _refuse(code: str, text: str, **more: bool) -> ConnectionRefusedError:
    return ConnectionRefusedError(text, {"code": code, **more})


class _Sockets:
    def __init__(self, joint: Joint, notifier: Notifier) -> None:
        self._joint = joint
        # Weak, for a host's SocketIO that outlives its apps would keep each of them alive.
        self._ref = weakref.ref(notifier)

    def in_use(self) -> bool:
        """Whether the app that these handlers serve is there and really served."""
        notifier = self._ref()
        return notifier is not None and notifier.serving.in_use()

    def retire(self) -> None:
        """Make way for the handlers of another app."""
        notifier = self._ref()
        if notifier is not None:
            notifier.serving.retire()

    @property
    def _notifier(self) -> Notifier:
        notifier = self._ref()
        if notifier is None:
            raise _refuse("unavailable", "the app has gone")
        return notifier

    def connect(self, auth: object = None) -> None:
        serving = self._notifier.serving
        sid = _sid()
        if serving.connected(sid):
            # Not a CONNECT, but an event of that name, which any client may send.
            return
        user = self._user(auth)
        serving.start()
        self._joint.note_socket()
        # Into the room first: whoever is present counts as told what goes to the room.
        self._joint.server.enter_room(sid, room(user), namespace=self._joint.namespace)
        if not serving.enter(sid, user):
            raise _refuse("too_many", "too many sockets of this user are open")
        self._joint.server.start_background_task(self._announce, sid, user)

    def disconnect(self, _reason: object = None) -> None:
        sid = _sid()
        if not self._notifier.serving.connected(sid):
            self._notifier.serving.leave(sid)

    def _user(self, auth: object) -> str:
        if not has_token(auth) and not self._may_use_cookies():
            text = "cookies do not count on pages of other hosts; send a user token"
            raise _refuse("unauthorized", text, foreign=True)
        try:
            user = self._notifier.identity.of_socket(auth)
        except TokenError as error:
            raise _refuse(error.code, str(error)) from error
        except SQLAlchemyError as error:
            self._notifier.outage.note(error)
            raise _refuse("unavailable", "try again in a moment") from error
        except Exception as error:
            # Nobody would answer otherwise, and the client would wait.
            log.exception("A socket's user could not be told: identify= failed")
            raise _refuse("unavailable", "try again in a moment") from error
        if user is None:
            raise _refuse("unauthorized", "sign in first, or send a user token")
        return user

    def _may_use_cookies(self) -> bool:
        """Whether the page may speak for the browser's user, where Engine.IO lets any page in."""
        if not self._joint.shared or self._joint.checks_origins:
            return True
        environ, allowed = flask.request.environ, self._notifier.settings.allowed_origins
        return same_host(environ.get("HTTP_ORIGIN"), environ, allowed)

    def _announce(self, sid: str, user: str) -> None:
        """Tell a new socket its head, read once its room's subscription is acknowledged.

        Without an acknowledgement in time it is told at once; what was missed in between is
        found by the sweep that follows the acknowledgement.
        """
        serving = self._notifier.serving
        self._wait_for_connect_packet(sid)
        if serving.subscription is not None:
            serving.subscription.wait_joined(user, self._notifier.settings.broker_timeout)
        try:
            stamp = self._notifier.store.heads([user]).get(user, 0)
        except SQLAlchemyError as error:
            # The sweep tells it, once the database serves again.
            self._notifier.outage.note(error)
            serving.presence.forget(user)
            return
        serving.delivery.head_to(sid, stamp)

    def _wait_for_connect_packet(self, sid: str) -> None:
        """Let CONNECT leave first: under threads the handler may still be on its way out."""
        for _ in range(_CONNECT_TRIES):
            if self._notifier.serving.connected(sid):
                return
            self._joint.server.sleep(_CONNECT_PAUSE)


def _sid() -> str:
    return str(flask.request.sid)  # type: ignore[attr-defined]
