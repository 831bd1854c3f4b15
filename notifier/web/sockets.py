"""Socket.IO: who may connect, into which room, and what they are told first."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import flask
from flask_socketio import ConnectionRefusedError, SocketIO, join_room
from sqlalchemy.exc import SQLAlchemyError

from ..errors import TokenError
from .delivery import room

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["register"]

log = logging.getLogger("notifier.web")


def register(socketio: SocketIO, notifier: Notifier) -> None:
    """Serve the notifier's namespace on ``socketio``."""
    namespace = notifier.settings.namespace
    sockets = _Sockets(socketio, notifier)
    socketio.on_event("connect", sockets.connect, namespace)
    socketio.on_event("disconnect", sockets.disconnect, namespace)


def _refuse(code: str, text: str) -> ConnectionRefusedError:
    return ConnectionRefusedError(text, {"code": code})


class _Sockets:
    def __init__(self, socketio: SocketIO, notifier: Notifier) -> None:
        self._socketio = socketio
        self._notifier = notifier

    def connect(self, auth: object = None) -> None:
        serving = self._notifier.serving
        user = self._user(auth)
        sid = _sid()
        serving.start()
        # Into the room first: whoever is present counts as told what goes to the room.
        join_room(room(user))
        if not serving.presence.join(sid, user, self._notifier.settings.sockets_per_user):
            raise _refuse("too_many", "too many sockets of this user are open")
        if serving.subscription is not None:
            serving.subscription.join(user)
        self._socketio.start_background_task(self._announce, sid, user)

    def disconnect(self, _reason: object = None) -> None:
        serving = self._notifier.serving
        user = serving.presence.leave(_sid())
        if user is not None and serving.subscription is not None:
            serving.subscription.leave(user)

    def _user(self, auth: object) -> str:
        try:
            user = self._notifier.identity.of_socket(auth)
        except TokenError as error:
            raise _refuse(error.code, str(error)) from error
        except SQLAlchemyError as error:
            log.warning("A socket was refused, the database does not answer: %s", error)
            raise _refuse("unavailable", "try again in a moment") from error
        if user is None:
            raise _refuse("unauthorized", "sign in first, or send a user token")
        return user

    def _announce(self, sid: str, user: str) -> None:
        """Tell a new socket its head, read once its room's subscription is acknowledged.

        Without an acknowledgement in time it is told at once; what was missed in between is
        found by the sweep that follows the acknowledgement.
        """
        serving = self._notifier.serving
        if serving.subscription is not None:
            serving.subscription.wait_joined(user, self._notifier.settings.broker_timeout)
        try:
            stamp = self._notifier.store.heads([user]).get(user, 0)
        except SQLAlchemyError as error:
            log.warning("A new socket was not told its head, the sweep will do it: %s", error)
            serving.presence.forget(user)
            return
        serving.delivery.head_to(sid, stamp)


def _sid() -> str:
    return str(flask.request.sid)  # type: ignore[attr-defined]
