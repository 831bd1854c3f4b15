"""HTTP whose answer begins in time, however slowly its head trickles in."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import urllib.request
from collections.abc import Callable
from typing import Any

from .server import Server

__all__ = ["opening"]

Open = Callable[[urllib.request.Request], Any]


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for this server."""

    def redirect_request(self, *_arguments: Any) -> None:
        """There is nothing to ask instead."""


class _Watched:
    """Hangs up ``seconds`` after a connection was begun, unless the answer began by then.

    A timeout of a socket begins anew with every byte.
    """

    def __init__(self, seconds: float) -> None:
        self._connection: http.client.HTTPConnection | None = None
        self._timer = threading.Timer(seconds, self._hang_up)
        self._timer.daemon = True

    def connection(self, kind: Callable[..., Any]) -> Callable[..., Any]:
        """What makes connections of this kind, to be watched."""

        def make(*arguments: Any, **options: Any) -> Any:
            self._connection = kind(*arguments, **options)
            self._timer.start()
            return self._connection

        return make

    def began(self) -> None:
        """The head of the answer is there."""
        self._timer.cancel()

    def _hang_up(self) -> None:
        sock = self._connection.sock if self._connection is not None else None
        if sock is not None:
            # Of the socket below TLS, whose reader is told by that.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Http(urllib.request.HTTPHandler):
    def __init__(self, watched: _Watched) -> None:
        super().__init__()
        self._watched = watched

    def http_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(self._watched.connection(http.client.HTTPConnection), request)


class _Https(urllib.request.HTTPSHandler):
    def __init__(self, watched: _Watched, context: Any) -> None:
        super().__init__(context=context)
        self._watched = watched
        self._given = {} if context is None else {"context": context}

    def https_open(self, request: urllib.request.Request) -> Any:
        make = self._watched.connection(http.client.HTTPSConnection)
        return self.do_open(make, request, **self._given)


def opening(server: Server, seconds: float) -> Open:
    """A function that opens a request at ``server`` and follows nothing, once.

    Raises like ``urllib.request.urlopen`` if the head of the answer is not there in ``seconds``.
    """
    watched = _Watched(seconds)
    handlers = (_Stays(), _Http(watched), _Https(watched, server.context))
    opener = urllib.request.build_opener(*handlers)

    def open_request(request: urllib.request.Request) -> Any:
        try:
            return opener.open(request, timeout=seconds)
        finally:
            watched.began()

    return open_request
