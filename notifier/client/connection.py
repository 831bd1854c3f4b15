"""One Socket.IO connection, from its handshake to its end."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any, Protocol

import websocket

from ..errors import TokenError, TokenExpired, TokenRevoked
from .credentials import Credentials
from .server import Server
from .timing import CONNECT_TIMEOUT
from .wire import (
    CLOSE,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    PING,
    PONG,
    connect_packet,
    open_terms,
    parse,
)

__all__ = ["Socket", "SocketBusy"]

_REFUSALS = {kind.code: kind for kind in (TokenError, TokenExpired, TokenRevoked)}
_BUSY = (429, 503)


class SocketBusy(ConnectionError):
    """The server lives and has no room for this socket now."""


class Owner(Protocol):
    """Who has a socket; told from the socket's thread."""

    def opened(self) -> None:
        """It is signed in."""

    def received(self, name: object, payload: object) -> None:
        """An event came."""

    def ended(self, error: Exception) -> None:
        """It is over, or never began. The last thing that is told."""


class Socket:
    """Connects on a thread of its own, tells ``owner`` what happens, and ends once.

    Written on websocket-client rather than on python-socketio's client, which starts a thread
    for every event and, when it hangs up, waits for a server that may be frozen.
    """

    def __init__(self, server: Server, credentials: Credentials, owner: Owner) -> None:
        self._server = server
        self._credentials = credentials
        self._owner = owner
        self._closed = False
        sslopt = {} if server.context is None else {"context": server.context}
        self._socket = websocket.WebSocket(sslopt=sslopt)
        self._thread = threading.Thread(target=self._run, name="notifier-socket", daemon=True)

    def start(self) -> None:
        """Connect. Only once."""
        self._thread.start()

    def close(self) -> None:
        """Hang up, without waiting for the server. Then nothing more is told. For any thread."""
        self._closed = True
        connection = self._socket.sock
        if connection is not None:
            # This wakes the thread that reads, which closes it.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        try:
            self._live()
        except Exception as error:  # noqa: BLE001 -- the owner tells apart what it can cure
            if not self._closed:
                self._owner.ended(error)
        finally:
            self._socket.shutdown()  # type: ignore[no-untyped-call]

    def _live(self) -> None:
        try:
            self._open(self._credentials.current())
            self._follow()
        except websocket.WebSocketBadStatusException as error:
            kind = SocketBusy if error.status_code in _BUSY else ConnectionError
            raise kind(f"{self._server.socket_url} answered {error.status_code}") from error
        except websocket.WebSocketException as error:
            raise ConnectionError(f"no socket at {self._server.socket_url}: {error}") from error

    def _open(self, token: str) -> None:
        # No Origin, which is for pages; no redirect, since the token is for this server.
        self._socket.connect(  # type: ignore[no-untyped-call]
            self._server.socket_url,
            timeout=CONNECT_TIMEOUT,
            suppress_origin=True,
            redirect_limit=0,
        )
        if self._closed:
            return
        silence = open_terms(self._receive())
        self._socket.send(connect_packet(self._server.namespace, token))
        while (packet := self._packet()).kind != CONNECT:
            if packet.kind == CONNECT_ERROR:
                raise self._refusal(token, packet.data)
        self._credentials.accepted(token)
        self._socket.settimeout(silence)
        self._owner.opened()

    def _follow(self) -> None:
        while not self._closed:
            packet = self._packet()
            if packet.kind == DISCONNECT:
                raise ConnectionError("the server ended the session")
            if packet.kind == EVENT and isinstance(packet.data, list) and len(packet.data) == 2:
                self._owner.received(*packet.data)

    def _packet(self) -> Any:
        """The next Socket.IO packet of our namespace; heartbeats are answered on the way."""
        while True:
            text = self._receive()
            if text.startswith(PING):
                self._socket.send(PONG + text[1:])
            elif text.startswith(CLOSE):
                raise ConnectionError("the server closed the connection")
            elif (packet := parse(text, self._server.namespace)) is not None:
                return packet

    def _receive(self) -> str:
        received = self._socket.recv()
        if not received and not self._socket.connected:
            raise ConnectionError("the connection was closed")
        # Binary frames are none of ours.
        return received if isinstance(received, str) else ""

    def _refusal(self, token: str, said: Any) -> Exception:
        data = said.get("data") if isinstance(said, dict) else None
        code = data.get("code") if isinstance(data, dict) else None
        message = said.get("message") if isinstance(said, dict) else said
        text = f"the server refused the socket: {message} ({code})"
        kind = _REFUSALS.get(str(code))
        if kind is None:
            return SocketBusy(text)
        refusal = kind(text)
        self._credentials.refused(token, refusal)
        return ConnectionError(text)
