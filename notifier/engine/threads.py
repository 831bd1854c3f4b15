"""The lean transport's footing on threads, and on gevent, whose greenlets pass for threads.

The servers are werkzeug's, gunicorn's threaded and gevent workers, and gevent's own.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import ssl
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["ThreadStream", "Threads"]

_FOREVER = 3600.0  # seconds; the heartbeat cuts what is silent for long


class Threads:
    """What the transport asks of the server it runs in."""

    def guard(self) -> contextlib.AbstractContextManager[Any]:
        """A lock for a few lines that never wait."""
        return threading.Lock()

    def socket(self, environ: WSGIEnvironment) -> Any:
        """The connection of a request. Raises RuntimeError where the server keeps it to itself."""
        for key in ("werkzeug.socket", "gunicorn.socket"):
            if key in environ:
                return environ[key]
        if _is_of_gevent(environ):
            read: Any = environ["wsgi.input"]
            return getattr(read, "rfile", read).raw._sock
        raise RuntimeError(
            "this server does not hand out its sockets, so it cannot serve WebSockets; use"
            " gunicorn with notifier's worker, or `flask run`"
        )

    def stream(self, sock: Any) -> ThreadStream:
        """The connection, as a stream."""
        return ThreadStream(sock)

    def upgraded(self, environ: WSGIEnvironment) -> None:
        """Tell the server that the request has become a WebSocket: these need not know."""

    def follow(self, environ: WSGIEnvironment, read: Callable[[], None]) -> tuple[bytes, ...]:
        """Have the connection read by ``read``, in this thread, and closed after it.

        Nothing more is written: each server has its own way to be told so.
        """
        read()
        if "gunicorn.socket" in environ:
            raise StopIteration
        if "werkzeug.socket" in environ:
            raise ConnectionError
        raise ConnectionResetError(errno.ECONNRESET, "the WebSocket ended")


def _is_of_gevent(environ: WSGIEnvironment) -> bool:
    """Whether the server is gevent's own, without the handler of gevent-websocket."""
    software = str(environ.get("SERVER_SOFTWARE", ""))
    return software.startswith("gevent/") and "wsgi.websocket" not in environ


class ThreadStream:
    """A socket that one thread reads from and many write to, plain or TLS (see ``Stream``)."""

    __slots__ = ("_lock", "_sock")

    def __init__(self, sock: Any) -> None:
        sock.setblocking(False)
        self._sock = sock
        # OpenSSL allows one thread at a time in a session.
        self._lock = threading.Lock() if isinstance(sock, ssl.SSLSocket) else None

    def recv(self, size: int) -> bytes:
        """Wait for up to ``size`` bytes."""
        while True:
            try:
                with self._lock or contextlib.nullcontext():
                    return bytes(self._sock.recv(size))
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(select.POLLIN, _FOREVER)
            except (OSError, ValueError):  # reset or closed
                return b""

    def push(self, data: bytes) -> int:
        """Give the kernel what it takes at once."""
        try:
            with self._lock or contextlib.nullcontext():
                return int(self._sock.send(data))
        except ssl.SSLWantWriteError as error:
            raise BlockingIOError from error

    def wait_writable(self, timeout: float) -> bool:
        """Wait until ``push`` may work again."""
        return self._wait(select.POLLOUT, timeout)

    def finish(self) -> None:
        """Send no more."""
        self._shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """End the connection."""
        self._shutdown(socket.SHUT_RDWR)

    def _wait(self, events: int, timeout: float) -> bool:
        poll = select.poll()
        try:
            poll.register(self._sock.fileno(), events)
            return bool(poll.poll(timeout * 1000))
        except (OSError, ValueError):  # closed, as the next attempt will tell
            return True

    def _shutdown(self, how: int) -> None:
        # Below TLS, whose own `shutdown` would pull the session from under a reader.
        socket.socket.shutdown(self._sock, how)
