"""A Redis Cluster: each channel lives on the node that owns its slot, and may move."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.crc import key_slot
from redis.exceptions import RedisError
from redis.retry import Retry

from ..publisher import Receiver
from .channels import SHARDED, Requested
from .connection import Link
from .probe import Probe
from .subscription import Subscription
from .wire import Wire

__all__ = ["Cluster", "ClusterSubscription"]

log = logging.getLogger("notifier.broker")

Node = tuple[str, int]

# Losses come in bunches: one look at the slots answers all of them.
_REFRESH_SECONDS = 0.5
# 16,384 slots on a few nodes: a random name hits a given node soon, or the node owns nearly none.
_MOST_NAMES = 10_000


class Cluster:
    """Which node owns which slot, looked up when it is first asked and after a loss."""

    def __init__(self, hosts: Sequence[Node], options: dict[str, Any]) -> None:
        self._hosts = hosts
        self._options = options
        self._lock = threading.Lock()
        self._client: RedisCluster | None = None
        self._looked_at = float("-inf")

    def client(self) -> RedisCluster:
        """A client of its own, which follows the slots by itself. Raises RedisError."""
        node: Any = ClusterNode
        nodes = [node(host, port) for host, port in self._hosts]
        # One look at the slots after a node said that it is not the one.
        options = {**self._options, "retry": Retry(NoBackoff(), 1)}
        return RedisCluster(startup_nodes=nodes, **options)

    @property
    def known(self) -> bool:
        """Whether the slots were looked up, so that asking for an owner costs no exchange."""
        return self._client is not None

    def owner(self, channel: str) -> Node:
        """The node that owns the channel's slot. Raises RedisError if nobody does."""
        node = self._known().nodes_manager.get_node_from_slot(key_slot(channel.encode()))
        return str(node.host), int(node.port)

    def owners(self) -> list[Node]:
        """The nodes that own slots. Raises RedisError."""
        client: Any = self._known()
        return [(str(node.host), int(node.port)) for node in client.get_primaries()]

    def look(self) -> None:
        """Look at the slots again, unless that was just done. Raises RedisError."""
        with self._lock:
            client, now = self._client, time.monotonic()
            if client is not None and now - self._looked_at >= _REFRESH_SECONDS:
                client.nodes_manager.initialize()
                self._looked_at = now

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()

    def pool(self, node: Node) -> ConnectionPool:
        """A pool of connections to one node."""
        return ConnectionPool(host=node[0], port=node[1], **self._options)

    def _known(self) -> RedisCluster:
        with self._lock:
            if self._client is None:
                self._client = self.client()
                self._looked_at = time.monotonic()
            return self._client


class ClusterSubscription:
    """A subscription on each node that owns a channel of ours.

    When a node is lost or a slot moves, the nodes are asked who owns what now, and every user goes
    where the channel went.
    """

    def __init__(
        self,
        cluster: Cluster,
        wire: Wire,
        note: Callable[[str, bytes], None],
        receive: Receiver,
        requested: Requested,
    ) -> None:
        self._cluster = cluster
        self._wire = wire
        self._note = note
        self._receive = receive
        self._requested = requested
        self._lock = threading.RLock()
        self._nodes: dict[Node, Subscription] = {}
        self._homes: dict[str, Node] = {}
        self._unplaced: set[str] = set()
        self._started = False
        self._closed = threading.Event()
        self._retired_rejected = 0
        self._retired_causes: Counter[str] = Counter()

    @property
    def ready(self) -> bool:
        """Whether every node in use hears itself."""
        with self._lock:
            nodes = list(self._nodes.values())
            return bool(nodes) and not self._unplaced and all(node.ready for node in nodes)

    @property
    def rejected(self) -> int:
        """How many publications were not ours."""
        return self._retired_rejected + sum(node.rejected for node in self._all())

    @property
    def causes(self) -> Counter[str]:
        """How often a node was subscribed to completely, or asked for a sweep, by why."""
        return sum((node.causes for node in self._all()), self._retired_causes)

    @property
    def round_trip(self) -> float | None:
        """Seconds of the slowest node's last probe, None before the first."""
        return max((node.round_trip for node in self._all() if node.round_trip), default=None)

    def start(self) -> None:
        """Begin to connect, in the background. Repeats are harmless."""
        with self._lock:
            if self._started:
                return
            self._started = True
        threading.Thread(target=self._follow_slots, name="slots", daemon=True).start()

    def wait_ready(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds until every node in use hears itself."""
        deadline = time.monotonic() + timeout
        while not self.ready and time.monotonic() < deadline:
            self._closed.wait(0.02)
        return self.ready

    def join(self, user: str) -> None:
        """Want ``user``'s events."""
        with self._lock:
            self._unplaced.add(user)
            if not self._cluster.known:
                return
            try:
                self._place(user)
            except RedisError as error:
                log.debug("No node for a channel yet: %s", error)

    def wait_joined(self, user: str, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for the acknowledgement of ``user``'s channel."""
        with self._lock:
            node = self._nodes.get(self._homes.get(user, ("", 0)))
        return node is not None and node.wait_joined(user, timeout)

    def leave(self, user: str) -> None:
        """Stop wanting ``user``'s events, a little later."""
        with self._lock:
            self._unplaced.discard(user)
            node = self._nodes.get(self._homes.pop(user, ("", 0)))
        if node is not None:
            node.leave(user)

    def close(self, timeout: float) -> None:
        """End the connections and the threads."""
        self._closed.set()
        for node in self._all():
            node.close(timeout)
        self._cluster.close()

    def _all(self) -> list[Subscription]:
        with self._lock:
            return list(self._nodes.values())

    def _follow_slots(self) -> None:
        """Look at the slots while something is amiss, and put everybody where he belongs."""
        while not self._closed.is_set():
            if not self.ready:
                try:
                    self._settle()
                except (RedisError, OSError) as error:
                    log.debug("The cluster does not say who owns what: %s", error)
                except Exception:
                    log.exception("Following the slots failed in an unexpected way, trying again")
            self._closed.wait(_REFRESH_SECONDS)

    def _settle(self) -> None:
        self._cluster.look()
        with self._lock:
            self._node(self._cluster.owner(self._wire.control))
            for user in [*self._homes, *self._unplaced]:
                self._place(user)
            self._retire()

    def _place(self, user: str) -> None:
        home = self._cluster.owner(self._wire.channel(user))
        before = self._homes.get(user)
        if before is not None and before != home:
            self._nodes[before].forget(user)
        self._node(home).join(user)
        self._homes[user] = home
        self._unplaced.discard(user)

    def _node(self, node: Node) -> Subscription:
        if node not in self._nodes:
            probe = Probe(self._probe_on(node), self._note, time.monotonic)
            self._nodes[node] = Subscription(
                lambda: Link(self._cluster.pool(node)),
                self._wire,
                probe,
                self._receive,
                self._requested,
                verbs=SHARDED,
                control=lambda: self._cluster.owner(self._wire.control) == node,
            )
            self._nodes[node].start()
        return self._nodes[node]

    def _retire(self) -> None:
        """Close the subscriptions on nodes that own nothing of ours any more."""
        used = {*self._homes.values(), self._cluster.owner(self._wire.control)}
        for node in self._nodes.keys() - used:
            retired = self._nodes.pop(node)
            self._retired_rejected += retired.rejected
            self._retired_causes += retired.causes
            retired.close(0)

    def _probe_on(self, node: Node) -> str:
        """A probe channel that this node owns."""
        for _ in range(_MOST_NAMES):
            name = self._wire.probe(uuid.uuid4().hex)
            if self._cluster.owner(name) == node:
                return name
        raise RedisError(f"{node} owns too few slots to be probed")
