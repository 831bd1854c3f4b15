"""The layer between eventlet's server and the application that knows sockets from requests.

Import this only after monkey-patching: it imports eventlet.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from eventlet import wsgi

from .serverlog import ServerLog

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["FOLLOW", "SocketTracker"]

FOLLOW = "notifier.follow"
"""Key of a function in the environ of an upgrade. Give it what is to be done with the connection
after the request: it runs in a green thread of its own, and all that the request needed is freed.
"""


class SocketTracker:
    """Remembers which connections wait for news, and ends a failed WebSocket without a word.

    Those are WebSockets and Engine.IO's long polls: a worker that stops must not wait for the
    next news before it lets them go. A connection is a WebSocket from the moment its handler
    calls ``environ["eventlet.set_idle"]``, which eventlet's does right after the handshake. An
    exception that leaves such a handler must not be answered: eventlet would write an HTTP
    response between the frames.
    """

    def __init__(self, application: WSGIApplication, log: ServerLog) -> None:
        self._application = application
        self._log = log
        self._sockets: set[int] = set()
        self._taken_over: dict[int, Callable[[], None]] = {}

    def awaits_news(self, sock: Any) -> bool:
        """Tell whether the connection of ``sock`` is a WebSocket or a long poll."""
        return id(sock) in self._sockets

    def taken_over(self, sock: Any) -> bool:
        """Tell whether somebody follows the connection of ``sock`` after its request."""
        return id(sock) in self._taken_over

    def follow(self, sock: Any) -> None:
        """Let whoever took the connection over have it, until he has finished with it."""
        key = id(sock)
        try:
            self._taken_over.pop(key)()
        finally:
            self._sockets.discard(key)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        upgrade = environ.get("HTTP_UPGRADE", "").lower() == "websocket"
        long_poll = "transport=polling" in environ.get("QUERY_STRING", "")
        if not upgrade and not long_poll:
            return self._application(environ, start_response)
        key = id(environ["eventlet.input"].get_socket())
        try:
            if upgrade:
                return self._answer_upgrade(key, environ, start_response)
            self._sockets.add(key)
            return self._application(environ, start_response)
        finally:
            if key not in self._taken_over:
                self._sockets.discard(key)

    def _answer_upgrade(
        self, key: int, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        environ["eventlet.set_idle"] = self._upgraded(key, environ["eventlet.set_idle"])
        environ[FOLLOW] = functools.partial(self._taken_over.__setitem__, key)
        try:
            return self._application(environ, start_response)
        except Exception as error:
            if key not in self._sockets:
                raise
            self._log.bad_socket(environ.get("REMOTE_ADDR"), error)
            wsgi.WSGI_LOCAL.already_handled = True
            return []

    def _upgraded(self, key: int, set_idle: Any) -> Any:
        def mark() -> None:
            self._sockets.add(key)
            set_idle()

        return mark
