"""What REDIS_URL names: one server, a master that Sentinel watches, or a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from redis import ConnectionPool
from redis.exceptions import RedisError
from redis.sentinel import Sentinel

from ..errors import ConfigurationError
from ..publisher import Receiver
from .channels import Channels, Requested
from .cluster import Cluster, ClusterSubscription
from .clustersender import ClusterSender
from .connection import Link, Pipe, Sender, fail_fast
from .probe import Probe
from .subscription import Subscription
from .wire import Wire

__all__ = ["Endpoint", "endpoint_of"]

Note = Callable[[str, bytes], None]
"""Publishes content on a channel, soon."""

_FORMS = (
    "redis://host:port/0, rediss://host:port/0, unix:///path/to/socket, "
    "redis+sentinel://host:26379,host:26379/master or redis+cluster://host:port,host:port"
)


class Endpoint(Protocol):
    """A place to publish to and to subscribe at."""

    def sender(self) -> Sender:
        """A sender of its own. Connects when it first sends."""

    def subscription(
        self, wire: Wire, note: Note, receive: Receiver, requested: Requested
    ) -> Channels:
        """A subscription that is not started yet; it probes itself through ``note``."""

    def pools(self) -> list[ConnectionPool]:
        """A pool for each server that carries messages. Raises RedisError or OSError."""


class Single:
    """One server, or the master that a pool of Sentinel's finds."""

    def __init__(self, pool: Callable[[], ConnectionPool]) -> None:
        self._pool = pool

    def sender(self) -> Sender:
        """A sender of its own. Connects when it first sends."""
        return Pipe(self._pool())

    def subscription(
        self, wire: Wire, note: Note, receive: Receiver, requested: Requested
    ) -> Channels:
        """A subscription that is not started yet; it probes itself through ``note``."""
        probe = Probe(wire.probe(), note, time.monotonic)
        return Subscription(lambda: Link(self._pool()), wire, probe, receive, requested)

    def pools(self) -> list[ConnectionPool]:
        """The pool of the one server."""
        return [self._pool()]


class Sharded:
    """A cluster, through sharded channels: a message visits one node, not all of them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def sender(self) -> Sender:
        """A sender of its own. Connects when it first sends."""
        return ClusterSender(self._cluster)

    def subscription(
        self, wire: Wire, note: Note, receive: Receiver, requested: Requested
    ) -> Channels:
        """A subscription that is not started yet; it probes every node through ``note``."""
        return ClusterSubscription(self._cluster, wire, note, receive, requested)

    def pools(self) -> list[ConnectionPool]:
        """A pool for each node that owns slots. Raises RedisError or OSError."""
        return [self._cluster.pool(node) for node in self._cluster.owners()]


def endpoint_of(url: str, timeout: float) -> Endpoint:
    """The endpoint that ``url`` names; an exchange with it ends within ``timeout`` seconds.

    Raises ConfigurationError for a malformed URL.
    """
    scheme = url.partition(":")[0]
    try:
        if scheme == "redis+sentinel":
            return _sentinel(url, timeout)
        if scheme == "redis+cluster":
            return Sharded(_cluster(url, timeout))
        ConnectionPool.from_url(url)
    except (ValueError, RedisError) as error:
        raise ConfigurationError(f"REDIS_URL is no Redis URL ({error}); write {_FORMS}") from error
    return Single(lambda: ConnectionPool.from_url(url, **fail_fast(timeout)))


def _sentinel(url: str, timeout: float) -> Endpoint:
    service, _, database = urlsplit(url).path.strip("/").partition("/")
    if not service:
        raise ValueError("the name of the master is missing")
    options = {**fail_fast(timeout), **_password(url), "db": int(database or 0)}
    hosts = _hosts(url, 26379)
    sentinel_class: Any = Sentinel

    def pool() -> ConnectionPool:
        sentinels: Any = sentinel_class(hosts, sentinel_kwargs=fail_fast(timeout), **options)
        found: ConnectionPool = sentinels.master_for(service).connection_pool
        return found

    return Single(pool)


def _cluster(url: str, timeout: float) -> Cluster:
    return Cluster(_hosts(url, 6379), {**fail_fast(timeout), **_password(url)})


def _hosts(url: str, default_port: int) -> list[tuple[str, int]]:
    places = urlsplit(url).netloc.rpartition("@")[2].split(",")
    hosts = [urlsplit(f"//{place}") for place in places if place]
    if not hosts or any(host.hostname is None for host in hosts):
        raise ValueError("a host is missing")
    return [(str(host.hostname), host.port or default_port) for host in hosts]


def _password(url: str) -> dict[str, str]:
    user, _, password = urlsplit(url).netloc.rpartition("@")[0].partition(":")
    given = {"username": unquote(user), "password": unquote(password)}
    return {key: value for key, value in given.items() if value}
