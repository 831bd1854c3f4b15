"""``follow``: a user's events, one after the other, for as long as it takes."""

from __future__ import annotations

import ssl
from types import TracebackType
from typing import Self

from .credentials import Credentials, Token
from .errors import CannotFollow
from .outbox import Event, Outbox
from .server import Server

__all__ = ["Follower", "follow"]


class Follower:
    """A user's events as an iterator: first what is true now, then each change, until ``close``.

    A name's older value never comes after a newer one, and of several values that wait only the
    newest comes. It reconnects and asks again for ever. Iteration ends with a TokenError when
    the server refuses the token and there is no other, and with CannotFollow if there is nothing
    to follow at its URL; what a ``token`` function raises, other than OSError or ValueError, ends
    it too. One program thread takes events; any may ``close``.
    """

    def __init__(self, server: Server, token: Token) -> None:
        try:
            from .driver import Driver
        except ModuleNotFoundError as error:
            if error.name != "websocket":
                raise
            raise CannotFollow(
                "websocket-client is not installed: pip install 'flask-notifier[client]'"
            ) from error
        self._outbox = Outbox()
        self._driver = Driver(server, Credentials(token), self._outbox)
        self._driver.start()

    @property
    def state(self) -> str:
        """How changes come: ``live``, ``polling``, or ``offline`` while they do not."""
        return "offline" if self.closed else self._driver.state

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._outbox.closed

    def get(self, timeout: float | None = None) -> Event | None:
        """The next event; None after ``timeout`` seconds without one, or once closed.

        Raises like the iteration.
        """
        return self._outbox.get(timeout)

    def close(self) -> None:
        """End it at once; what was not taken is dropped. For any thread, and repeatable."""
        self._outbox.close()
        self._driver.stop()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        event = self.get()
        if event is None:
            raise StopIteration
        return event

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def follow(
    url: str,
    token: Token,
    *,
    poll_path: str = "/notifications",
    socket_path: str = "/socket.io",
    namespace: str = "/",
    ssl_context: ssl.SSLContext | None = None,
) -> Follower:
    """Follow the user of ``token`` on the server at ``url``; close it, or use ``with``.

    ``token`` is a user token, or a function that brings one; it is called again when the server
    refuses the last one, on another thread. The paths and the namespace are those of the server's
    settings. ``ssl_context`` replaces the default one, which verifies certificate and host name.
    Raises ValueError for a URL that names no server.
    """
    server = Server.at(
        url,
        poll_path=poll_path,
        socket_path=socket_path,
        namespace=namespace,
        context=ssl_context,
    )
    return Follower(server, token)
