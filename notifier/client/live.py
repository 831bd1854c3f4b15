"""A socket, kept open."""

from __future__ import annotations

import random
from collections.abc import Callable

from .complaints import Complaint
from .connection import Socket, SocketBusy
from .credentials import Credentials
from .loop import Loop
from .server import Server
from .timing import BUSY_BACKOFF, CONNECT_TIMEOUT, RECONNECT_BACKOFF, STABLE, backoff
from .wire import is_head

__all__ = ["Live"]


class Live:
    """Opens a socket, and another when it is lost, until ``close``.

    There is one at a time. What it tells comes from its thread and is posted to the loop. It
    counts once it has told a head, as the server does as soon as it can: where a host shares its
    Socket.IO, other namespaces let anybody in and say nothing of ours.
    ``changed`` is called when there is a socket or no more, ``received`` with every event,
    ``died`` with what no new socket can cure.
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

    def opened(self) -> None:
        """The socket is signed in."""
        self._loop.post(self._opened)

    def received(self, name: object, payload: object) -> None:
        """An event came over the socket."""
        self._loop.post(lambda: self._told(name, payload))

    def ended(self, error: Exception) -> None:
        """The socket is over."""
        self._loop.post(lambda: self._ended(error))

    # -- on the loop's thread -----------------------------------------------------------------

    def _opened(self) -> None:
        self._loop.after("head", CONNECT_TIMEOUT, self._says_nothing)

    def _says_nothing(self) -> None:
        # It is kept: while its database is away, our own server says nothing either.
        self._error = ConnectionError(
            f"the namespace {self._server.namespace} of {self._server.socket_url} lets us in and "
            "tells no head; is `namespace` right?"
        )

    def _told(self, name: object, payload: object) -> None:
        if not self.connected and self._socket is not None and name == "head" and is_head(payload):
            self._works()
        self._received(name, payload)

    def _works(self) -> None:
        self._loop.cancel("head")
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
        self._loop.cancel("head")
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
