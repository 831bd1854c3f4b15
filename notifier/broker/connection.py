"""Connections to Redis that fail fast: whoever uses them decides what to do next."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.connection import SSLConnection
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry

__all__ = ["Link", "Message", "Pipe", "Sender", "fail_fast"]

# Seconds; with none at all the socket would not block for whoever writes meanwhile either.
_LEAST_WAIT = 0.001

Message = tuple[str, bytes]
"""A channel and what to publish on it."""


def fail_fast(timeout: float) -> dict[str, Any]:
    """Options for a redis-py connection whose every exchange ends within ``timeout`` seconds."""
    return {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        # By default they retry for seconds, which a bounded queue cannot wait for.
        "retry": Retry(NoBackoff(), 0),
        "health_check_interval": 0,
        # Version 3 delivers messages as pushes, through hooks of the client's own.
        "protocol": 2,
    }


class Sender(Protocol):
    """Publishes. May be used by one thread at a time.

    ``send`` knows at its end that it is done. ``write`` and ``confirm`` are its halves: what was
    written is known to be published once it was confirmed. ``pending`` is how many messages are
    not; None for a sender that cannot tell the halves apart, and then ``write`` is ``send``.
    Whatever raises, RedisError or OSError, raises for all that was pending too.
    """

    @property
    def pending(self) -> int | None:
        """How many messages were written and not confirmed."""

    def send(self, messages: Sequence[Message]) -> None:
        """Publish all of ``messages``, in order."""

    def write(self, messages: Sequence[Message]) -> None:
        """Have all of ``messages`` published, in order, without awaiting that."""

    def confirm(self) -> None:
        """Wait until all that is pending is published."""

    def close(self) -> None:
        """Let go of the connections."""


class Pipe:
    """A ``Sender`` to one server, on a connection of its own.

    redis-py's pipeline over a pool does the same for a third more CPU.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        # The pool is kept: a connection that Sentinel manages asks it for the master. It makes one
        # hundred in its life by default, and this one connects as often as it has to.
        self._pool = pool
        self._connection: Any = pool.make_connection()
        self._connected = False
        self._pending = 0

    @property
    def pending(self) -> int:
        """See ``Sender``."""
        return self._pending

    def send(self, messages: Sequence[Message]) -> None:
        """See ``Sender``."""
        may_repeat = self._connected and not self._pending
        try:
            self._exchange(messages)
        except Disconnected:
            # A server may end a connection that was idle; nobody wrote on it to find out.
            if not may_repeat:
                raise
            self._exchange(messages)

    def write(self, messages: Sequence[Message]) -> None:
        """See ``Sender``."""
        connection = self._connection
        commands = [("PUBLISH", channel, payload) for channel, payload in messages]
        with self._closed_on_error():
            if not self._connected:
                connection.connect()
                self._connected = True
            connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        self._pending += len(commands)

    def confirm(self) -> None:
        """See ``Sender``."""
        with self._closed_on_error():
            while self._pending:
                self._connection.read_response()
                self._pending -= 1

    def close(self) -> None:
        """Let go of the connection."""
        self._connected = False
        self._pending = 0
        self._connection.disconnect()

    def _exchange(self, messages: Sequence[Message]) -> None:
        self.write(messages)
        self.confirm()

    @contextlib.contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            # Answers that nobody has read would be taken for those of the next commands.
            self.close()
            raise


class Link:
    """One connection, outside any pool, for commands and answers that are not paired.

    Writing and reading may happen in two threads, but each in one at a time. Every method
    raises RedisError or OSError when the connection is lost.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        # The pool is kept: a connection that Sentinel manages asks it for the master.
        self._pool = pool
        connection: Any = pool.make_connection()
        connection.connect()
        self._connection = connection
        self._tls = isinstance(connection, SSLConnection)

    def write(self, *command: str) -> None:
        """Send a command."""
        self._connection.send_command(*command, check_health=False)

    def read(self, timeout: float) -> list[Any] | None:
        """The next answer or message; None if nothing comes within ``timeout`` seconds."""
        # A TLS connection is not to be read while there is nothing: another thread may write on it.
        if self._tls and not self._connection.can_read(timeout):
            return None
        try:
            # Others are not asked first whether there is something: that is three more calls of
            # the system for each time there is.
            answer: list[Any] = self._connection.read_response(
                timeout=max(timeout, _LEAST_WAIT), disconnect_on_error=False
            )
        except TimedOut:
            return None
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.disconnect()
