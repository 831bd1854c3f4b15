"""A socket, kept open."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from .complaints import Complaint
from .connection import Socket, SocketBusy
from .credentials import Credentials
from .loop import Loop
from .server import Server
from .timing import BUSY_BACKOFF, RECONNECT_BACKOFF, STABLE, backoff

__all__ = ["Live"]


class Live:
    """Opens a socket, and another when it is lost, until ``close``.

    What sockets tell comes from their threads and is posted to the loop, where a socket that is
    no longer ours is not listened to. ``changed`` is called when there is a socket or no more,
    ``received`` with every event, ``died`` with what no new socket can cure.
    """

    def __init__(
        self,
        server: Server,
        credentials: Credentials,
        loop: Loop,
        *,
        changed: Callable[[], None],
        received: Callable[[object, object], None],
        died: Callable[[BaseException], None],
    ) -> None:
        self._server = server
        self._credentials = credentials
        self._loop = loop
        self._changed = changed
        self._received = received
        self._died = died
        self._socket: Socket | None = None
        self._error: Exception | None = None
        self._attempts = 0
        self._complaint = Complaint(
            "There is no socket, so polls have to do; will try again", "There is a socket again"
        )
        self.connected = False

    def open(self) -> None:
        """Connect."""
        self._socket = Socket(self._server, self._credentials, self)
        self._socket.start()

    def close(self) -> None:
        """Hang up, at once."""
        current, self._socket = self._socket, None
        if current is not None:
            current.close()

    def server_answers(self) -> None:
        """The server answers otherwise: if there is no socket, that is worth a word."""
        if self._error is not None:
            self._complaint.failed(self._error)

    # -- told by the socket, on its thread ----------------------------------------------------

    def opened(self, socket: Socket) -> None:
        """A socket is signed in."""
        self._post(socket, self._opened)

    def received(self, socket: Socket, name: object, payload: object) -> None:
        """An event came over a socket."""
        self._post(socket, lambda: self._received(name, payload))

    def ended(self, socket: Socket, error: Exception) -> None:
        """A socket is over."""
        self._post(socket, lambda: self._ended(error))

    def _post(self, socket: Socket, action: Callable[[], Any]) -> None:
        self._loop.post(lambda: action() if socket is self._socket else None)

    # -- on the loop's thread -----------------------------------------------------------------

    def _opened(self) -> None:
        self.connected = True
        self._error = None
        # Only one that lasts was a success; until then the delays go on growing.
        self._loop.after("stable", STABLE, self._lasts)
        self._changed()

    def _lasts(self) -> None:
        self._attempts = 0
        self._complaint.worked()

    def _ended(self, error: Exception) -> None:
        self._socket = None
        self._loop.cancel("stable")
        if not isinstance(error, OSError | ValueError):
            self._died(error)
            return
        # That a socket is lost is ordinary; that no other can be had is not.
        self._error = None if self.connected else error
        self.connected = False
        delays = BUSY_BACKOFF if isinstance(error, SocketBusy) else RECONNECT_BACKOFF
        self._loop.after("reconnect", backoff(delays, self._attempts, random.random), self.open)
        self._attempts += 1
        self._changed()
