"""The lean transport's footing on eventlet: a connection is a green socket of its WSGI server.

Import this only after monkey-patching: it imports eventlet.
"""

from __future__ import annotations

import _socket
import contextlib
import io
import ssl
from collections.abc import Callable
from socket import SHUT_RDWR, SHUT_WR
from typing import TYPE_CHECKING, Any

from eventlet import hubs, patcher, sleep, wsgi
from eventlet.greenio import GreenSocket

from .requests import FOLLOW

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Green", "GreenStream"]


class _Late(Exception):
    """A wait took too long."""


class Green:
    """What the transport asks of the server it runs in."""

    def __init__(self) -> None:
        # Green threads change only where they wait, and nothing waits under a guard. So one does
        # for all: an unpatched one, which is only ever contended by threads that are not green.
        self._guard = patcher.original("threading").RLock()

    def guard(self) -> contextlib.AbstractContextManager[Any]:
        """A lock for a few lines that never wait."""
        guard: contextlib.AbstractContextManager[Any] = self._guard
        return guard

    def socket(self, environ: WSGIEnvironment) -> Any:
        """The connection of a request."""
        return environ["eventlet.input"].get_socket()

    def stream(self, sock: Any) -> GreenStream:
        """The connection, as a stream."""
        return GreenStream(sock)

    def upgraded(self, environ: WSGIEnvironment) -> None:
        """Tell the server that the request has become a WebSocket."""
        environ["eventlet.set_idle"]()
        # The request was read to its end, and its buffer is 8 KB.
        environ["eventlet.input"].rfile.close()

    def follow(self, environ: WSGIEnvironment, read: Callable[[], None]) -> tuple[bytes, ...]:
        """Have the connection read by ``read``, and closed after it.

        Returns what a WSGI application returns to have nothing written. Our own server calls
        ``read`` when the request is over; any other waits for it.
        """
        if FOLLOW in environ:
            environ.pop(FOLLOW)(read)
            _forget_request(environ)
        else:
            read()
        wsgi.WSGI_LOCAL.already_handled = True
        return ()


def _forget_request(environ: WSGIEnvironment) -> None:
    """Let go of what only a request needs: handlers see the environ as long as a session lives."""
    for key in ("eventlet.input", "eventlet.set_idle", "headers_raw", "werkzeug.request"):
        environ.pop(key, None)
    environ["wsgi.input"] = io.BytesIO()


class GreenStream:
    """A green socket, plain or TLS (see ``Stream``)."""

    __slots__ = ("_sock", "_take", "push")

    push: Callable[[bytes], int]

    def __init__(self, sock: Any) -> None:
        # The heartbeat is what ends silent connections.
        self._sock = sock
        # The real socket is never blocking.
        if isinstance(sock, GreenSocket):
            self._take, self.push = sock.fd.recv, sock.fd.send
        else:
            self._take, self.push = _tls(sock)

    def recv(self, size: int) -> bytes:
        """Wait for up to ``size`` bytes."""
        try:
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
                data = bytes(self._take(size))
                # A client that sends without a pause must not keep others from their turn.
                sleep(0)
                return data
            return self._awaited(size)
        except (OSError, ValueError):  # reset, closed, or TLS that was cut
            return b""

    def _awaited(self, size: int) -> bytes:
        while True:
            hubs.trampoline(self._sock, read=True)
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
                return bytes(self._take(size))

    def wait_writable(self, timeout: float) -> bool:
        """Wait until ``push`` may work again."""
        try:
            hubs.trampoline(self._sock, write=True, timeout=timeout, timeout_exc=_Late)
        except _Late:
            return False
        except (OSError, ValueError):  # closed, as `push` will tell
            return True
        return True

    def finish(self) -> None:
        """Send no more."""
        _shutdown(self._sock, SHUT_WR)

    def cut(self) -> None:
        """End the connection."""
        _shutdown(self._sock, SHUT_RDWR)


def _tls(sock: Any) -> tuple[Callable[[int], bytes], Callable[[bytes], int]]:
    # The green class overrides these with others that wait; those of the class below do not.
    below: Any = super(type(sock), sock)

    def push(data: bytes) -> int:
        try:
            return int(below.send(data))
        except ssl.SSLWantWriteError as error:
            raise BlockingIOError from error
        except ValueError as error:
            raise OSError("the connection is closed") from error

    return below.read, push


def _shutdown(sock: Any, how: int) -> None:
    # Below TLS, whose own `shutdown` would pull the session from under a reader.
    _socket.socket.shutdown(getattr(sock, "fd", sock), how)
