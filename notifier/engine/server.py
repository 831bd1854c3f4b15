"""The listening side of one worker: eventlet's WSGI server with a way to end.

Import this only after monkey-patching: it imports eventlet.
"""

from __future__ import annotations

import functools
import socketserver
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import eventlet
from eventlet import greenio, patcher, wsgi

from .listener import Listener, StopAccepting
from .requests import SocketTracker
from .serverlog import ServerLog

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["Server"]

# Longest request line. gunicorn's own limit is 4 KB; with room to spare the app can answer an
# overlong query with a reason instead of a bare 414.
URL_LIMIT = 16 * 1024

_DRAIN_TICK = 0.02  # seconds
PARTING = 0.5  # seconds for WebSockets to send what is queued for them
ENDING = 1.0  # seconds for handlers to notice that their connection is gone

Connection = list[Any]  # eventlet's: [address, socket, state]


class _Protocol(wsgi.HttpProtocol):  # type: ignore[misc]
    """eventlet's, without its own lines on stderr and without the version of Python."""

    def log_message(self, format: str, *args: Any) -> None:
        self.server.log.debug(format, *args)

    def version_string(self) -> str:
        return "notifier"

    def finish(self) -> None:
        if self.server.app.taken_over(self.connection):
            # Its buffers are done with, the connection is not.
            socketserver.StreamRequestHandler.finish(self)
        else:
            super().finish()


class Server:
    """Accepts connections and answers them with a WSGI application.

    ``connections`` is the most it holds at a time; ``keepalive`` how long an idle HTTP connection
    is kept and ``socket_timeout`` how long one read or write of a request may take, in seconds.
    Engine.IO sets a timeout of its own on a WebSocket. ``alone`` means that no other process
    accepts from the same sockets.
    """

    def __init__(
        self,
        application: WSGIApplication,
        *,
        log: ServerLog,
        connections: int,
        keepalive: float,
        socket_timeout: float,
        alone: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._alone = alone
        self._application = SocketTracker(application, log)
        self._log = log
        self._pool = _ConnectionPool(connections, log, tls, self._application)
        self._listeners: list[tuple[Listener, Any]] = []
        self._options = {
            "log": log,
            "log_format": log.format,
            "log_x_forwarded_for": False,
            "custom_pool": self._pool,
            "protocol": _Protocol,
            "keepalive": keepalive,
            "socket_timeout": socket_timeout,
            "url_length_limit": URL_LIMIT,
            "debug": False,
            # A chunked body has an end that the server knows: without this it is read as empty.
            "environ": {"wsgi.input_terminated": True}
            | ({"wsgi.url_scheme": "https", "HTTPS": "on"} if tls else {}),
        }

    def listen(self, sock: Any) -> None:
        """Accept from ``sock``, a green socket that listens already."""
        listener = Listener(sock, self._pool, self._log, alone=self._alone)
        loop = eventlet.spawn(wsgi.server, listener, self._application, **self._options)
        self._listeners.append((listener, loop))
        eventlet.sleep(0)

    def pause(self) -> None:
        """Stop accepting: from now on new clients reach other workers."""
        for listener, loop in self._listeners:
            eventlet.kill(loop, StopAccepting())
            listener.close()

    def drain(self, timeout: float, hurry: Callable[[], bool]) -> int:
        """Wait until every request was answered, or ``hurry()`` says no more.

        Sockets and long polls do not count; idle connections are closed meanwhile. Returns the
        number of requests still running.
        """
        deadline = time.monotonic() + timeout
        while True:
            eventlet.sleep(0)
            running = sum(self._retire(one) for one in self._pool.connections())
            if not running or hurry() or time.monotonic() >= deadline:
                return running
            eventlet.sleep(_DRAIN_TICK)

    def close(self, timeout: float) -> None:
        """Cut what is left, WebSockets too, within ``timeout`` seconds.

        WebSockets that were told to disconnect get a moment to say so and leave by themselves.
        """
        leave_at = time.monotonic() + min(PARTING, timeout)
        while self._pool.connections() and time.monotonic() < leave_at:
            eventlet.sleep(_DRAIN_TICK)
        for listener, _ in self._listeners:
            listener.end()
        for _, sock, _ in self._pool.connections():
            greenio.shutdown_safe(sock)
        with eventlet.Timeout(max(min(timeout, ENDING), 0), False):
            for _, loop in self._listeners:
                loop.wait()
            while self._pool.connections():
                eventlet.sleep(_DRAIN_TICK)

    def _retire(self, connection: Connection) -> bool:
        """Let a connection end after its request; True while there is one to wait for."""
        _, sock, state = connection
        if self._application.awaits_news(sock):
            return False
        if state == wsgi.STATE_IDLE and not _has_input(sock):
            greenio.shutdown_safe(sock)
            return False
        connection[2] = wsgi.STATE_CLOSE
        return True


def _has_input(sock: Any) -> bool:
    """Whether a request has arrived that nobody has read yet."""
    if sock.fileno() < 0:
        return False
    # The patched module has no poll, and select stops at descriptor 1,023.
    select = patcher.original("select")
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class _ConnectionPool(eventlet.GreenPool):  # type: ignore[misc]
    """A green thread for each request, another for each WebSocket, and the list of connections.

    A WebSocket's is begun when its request is over: what a stack has grown to it keeps, and a
    request's is deep.
    """

    def __init__(
        self, size: int, log: ServerLog, tls: ssl.SSLContext | None, application: SocketTracker
    ) -> None:
        super().__init__(size)
        self._log = log
        self._tls = tls
        self._application = application
        self._open: dict[int, Connection] = {}

    def connections(self) -> list[Connection]:
        return list(self._open.values())

    def free(self) -> int:
        return int(self.size - len(self._open))

    def spawn(self, function: Callable[..., None], connection: Connection) -> _End:
        self._open[id(connection)] = connection
        end = _End()
        super().spawn(self._serve, function, connection, end)
        return end

    def _serve(self, function: Callable[..., None], connection: Connection, end: _End) -> None:
        try:
            if self._tls is not None:
                connection[1] = self._tls.wrap_socket(connection[1], server_side=True)
            function(connection)
        except OSError as error:
            self._log.client_gone(connection[0], error)
        except Exception as error:  # noqa: BLE001 -- logged; one connection must not end others
            self._log.failure(error)
        finally:
            # However the request ended: who took the connection over has to be told of its end.
            if self._application.taken_over(connection[1]):
                eventlet.spawn_n(self._follow, connection, end)
            else:
                self._end(connection, end)

    def _follow(self, connection: Connection, end: _End) -> None:
        address, sock, _ = connection
        try:
            self._application.follow(sock)
        except OSError as error:
            self._log.client_gone(address, error)
        except Exception as error:  # noqa: BLE001 -- logged; one connection must not end others
            self._log.bad_socket(address, error)
        finally:
            self._end(connection, end)

    def _end(self, connection: Connection, end: _End) -> None:
        del self._open[id(connection)]
        end()


class _End:
    """What eventlet's server wants done when a connection ends; it takes this for a thread."""

    def __init__(self) -> None:
        self._steps: list[Callable[[], None]] = []

    def link(self, step: Callable[..., None], *args: Any) -> None:
        self._steps.append(functools.partial(step, self, *args))

    def __call__(self) -> None:
        for step in self._steps:
            step()
