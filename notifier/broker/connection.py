"""Connections to Redis that fail fast: whoever uses them decides what to do next."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry

__all__ = ["Link", "Message", "Pipe", "Sender", "fail_fast"]

# How long after an answer of the server messages are handed over without awaiting the next, in
# seconds, and how many: the price is to find out later that a server has gone or is frozen.
_STREAM_SECONDS = 0.2
_MOST_PENDING = 64
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
    """Publishes. May be used by one thread at a time."""

    def send(self, messages: Sequence[Message]) -> None:
        """Publish all of ``messages``, in order, and know that it is done.

        Raises RedisError or OSError if it cannot, for these and for what was handed over before.
        """

    def hand_over(self, messages: Sequence[Message]) -> bool:
        """Publish all of ``messages`` without awaiting that; False if that is for ``send`` to do.

        Raises RedisError or OSError if it cannot, for these and for what was handed over before.
        """

    def confirm(self) -> None:
        """Wait until all that was handed over is published. Raises RedisError or OSError."""

    def close(self) -> None:
        """Let go of the connections."""


class Pipe:
    """Publishes through one server, on a connection of its own.

    In a stream of messages it reads the answers of the server now and then only: to be woken for
    each is a third of what it costs to publish one.

    redis-py's pipeline over a pool does the same for a third more CPU.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        # The pool is kept: a connection that Sentinel manages asks it for the master. It makes one
        # hundred in its life by default, and this one connects as often as it has to.
        self._pool = pool
        self._connection: Any = pool.make_connection()
        self._connected = False
        self._pending = 0
        self._heard_at = float("-inf")

    def send(self, messages: Sequence[Message]) -> None:
        """Publish all of ``messages``, in order, and know that it is done.

        Raises RedisError or OSError if it cannot, for these and for what was handed over before.
        """
        may_repeat = self._connected and not self._pending
        try:
            self._exchange(messages)
        except Disconnected:
            # A server may end a connection that was idle; nobody wrote on it to find out.
            if not may_repeat:
                raise
            self._exchange(messages)

    def hand_over(self, messages: Sequence[Message]) -> bool:
        """Publish all of ``messages`` without awaiting that; False if that is for ``send`` to do.

        Raises RedisError or OSError if it cannot, for these and for what was handed over before.
        """
        if time.monotonic() - self._heard_at > _STREAM_SECONDS or self._pending >= _MOST_PENDING:
            return False
        self._write(messages)
        return True

    def confirm(self) -> None:
        """Wait until all that was handed over is published. Raises RedisError or OSError."""
        try:
            while self._pending:
                self._connection.read_response()
                self._pending -= 1
        except BaseException:
            self.close()
            raise
        self._heard_at = time.monotonic()

    def close(self) -> None:
        """Let go of the connection."""
        # Answers that nobody has read would be taken for those of the next commands.
        self._connected = False
        self._pending = 0
        self._heard_at = float("-inf")
        self._connection.disconnect()

    def _exchange(self, messages: Sequence[Message]) -> None:
        self._write(messages)
        self.confirm()

    def _write(self, messages: Sequence[Message]) -> None:
        connection = self._connection
        commands = [("PUBLISH", channel, payload) for channel, payload in messages]
        try:
            if not self._connected:
                connection.connect()
                self._connected = True
            connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        except BaseException:
            self.close()
            raise
        self._pending += len(commands)


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
        try:
            # Without asking first whether there is something to read: that is three more calls of
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
