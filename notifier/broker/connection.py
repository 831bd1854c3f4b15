"""Connections to Redis that fail fast: whoever uses them decides what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.retry import Retry

__all__ = ["Link", "Message", "Pipe", "Sender", "fail_fast"]

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
    """Publishes. May be used by one thread at a time."""

    def send(self, messages: Sequence[Message]) -> None:
        """Publish all of ``messages``, in order. Raises RedisError or OSError if it cannot."""

    def close(self) -> None:
        """Let go of the connections."""


class Pipe:
    """Publishes through one server, in one exchange, on a connection of its own.

    redis-py's pipeline over a pool does the same for twice the CPU.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._connection: Any = None

    def send(self, messages: Sequence[Message]) -> None:
        """Publish all of ``messages``, in order. Raises RedisError or OSError if it cannot."""
        used_before = self._connection is not None
        try:
            self._exchange(messages)
        except Disconnected:
            # A server may end a connection that was idle; nobody wrote on it to find out.
            if not used_before:
                raise
            self._exchange(messages)

    def close(self) -> None:
        """Let go of the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def _exchange(self, messages: Sequence[Message]) -> None:
        if self._connection is None:
            self._connection = self._pool.make_connection()
            self._connection.connect()
        commands = [("PUBLISH", channel, payload) for channel, payload in messages]
        try:
            packed = self._connection.pack_commands(commands)
            self._connection.send_packed_command(packed, check_health=False)
            for _ in commands:
                self._connection.read_response()
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

    def write(self, *command: str) -> None:
        """Send a command."""
        self._connection.send_command(*command, check_health=False)

    def read(self, timeout: float) -> list[Any] | None:
        """The next answer or message; None if nothing comes within ``timeout`` seconds."""
        if not self._connection.can_read(timeout):
            return None
        answer: list[Any] = self._connection.read_response()
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._connection.disconnect()
