"""Connections to Redis that fail fast: whoever uses them decides what to do next."""

from __future__ import annotations

from typing import Any

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from ..errors import ConfigurationError

__all__ = ["Link", "client", "pool"]


def pool(url: str, timeout: float) -> ConnectionPool:
    """A pool for ``url`` whose every exchange ends within ``timeout`` seconds, without a retry.

    Raises ConfigurationError for a malformed URL.
    """
    try:
        return ConnectionPool.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            # Both retry for seconds by default, which a bounded queue cannot wait for.
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
            # Version 3 delivers messages as pushes, through hooks of the client's own.
            protocol=2,
        )
    except (ValueError, RedisError) as error:
        raise ConfigurationError(
            f"REDIS_URL is no Redis URL ({error}); write redis://host:port/0 or unix:///socket"
        ) from error


def client(url: str, timeout: float) -> Redis:
    """A client on a pool of its own."""
    return Redis(connection_pool=pool(url, timeout))


class Link:
    """One connection, outside any pool, for commands and answers that are not paired.

    Writing and reading may happen in two threads, but each in one at a time. Every method
    raises RedisError or OSError when the connection is lost.
    """

    def __init__(self, url: str, timeout: float) -> None:
        connection: Any = pool(url, timeout).make_connection()
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
