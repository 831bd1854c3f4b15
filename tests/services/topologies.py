"""Servers that belong together: a cluster, and a master with a replica under Sentinel's eyes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import redis
from redis.crc import key_slot

from tests.services.process import Process, Reaper
from tests.services.valkey import Valkey, binary
from tests.support import free_port, unavailable, wait_until

SLOTS = 16_384


class ValkeyCluster:
    """Three nodes that share the slots evenly, without replicas."""

    def __init__(self, folder: Path, reaper: Reaper) -> None:
        self.nodes: list[Valkey] = []
        self._buses: list[str] = []
        for n in range(3):
            place = folder / f"node{n}"
            place.mkdir()
            options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]
            # By default it is the port plus 10,000, which may be somebody's.
            self._buses.append(str(free_port()))
            options += ["--cluster-port", self._buses[-1]]
            self.nodes.append(Valkey(place, reaper, *options))

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self) -> None:
        """Start the nodes, give each a third of the slots, and wait until they agree."""
        for node in self.nodes:
            node.start()
        third = SLOTS // 3 + 1
        for n, node in enumerate(self.nodes):
            last = min(SLOTS, (n + 1) * third) - 1
            self.ask(node, "CLUSTER", "ADDSLOTSRANGE", str(n * third), str(last))
            first = ("127.0.0.1", str(self.nodes[0].port), self._buses[0])
            self.ask(node, "CLUSTER", "MEET", *first)
        wait_until(
            lambda: all(self._whole(node) for node in self.nodes), 30, "the cluster is whole"
        )

    def owner(self, channel: str) -> Valkey:
        """The node that owns the channel's slot."""
        slot = key_slot(channel.encode())
        port = next(int(node[1]) for first, last, node, *_ in self.slots() if first <= slot <= last)
        return next(node for node in self.nodes if node.port == port)

    def slots(self) -> list[Any]:
        with self.nodes[0].client() as client:
            client.response_callbacks.clear()
            return list(client.execute_command("CLUSTER SLOTS"))

    def move(self, channel: str, to: Valkey) -> None:
        """Give the channel's slot to another node, as a resharding does in the end."""
        slot = str(key_slot(channel.encode()))
        name = self.ask(to, "CLUSTER", "MYID").decode()
        # Or what an older owner still tells the others may take the slot back.
        self.ask(to, "CLUSTER", "BUMPEPOCH")
        for node in self.nodes:
            self.ask(node, "CLUSTER", "SETSLOT", slot, "NODE", name)

    def ask(self, node: Valkey, *command: str) -> bytes:
        with node.client() as client:
            client.response_callbacks.clear()
            answer: bytes = client.execute_command(*command)
        return answer

    def close(self) -> None:
        for node in self.nodes:
            node.close()

    def _whole(self, node: Valkey) -> bool:
        info = self.ask(node, "CLUSTER", "INFO").decode()
        return "cluster_state:ok" in info and "cluster_known_nodes:3" in info


class Watched:
    """A master, a replica, and a Sentinel that promotes it when the master is gone."""

    def __init__(self, folder: Path, reaper: Reaper) -> None:
        for name in ("master", "replica", "sentinel"):
            (folder / name).mkdir()
        self._folder = folder / "sentinel"
        self._reaper = reaper
        self._sentinel: Process | None = None
        self.port = free_port()
        self.master = Valkey(folder / "master", reaper)
        of_master = ("--replicaof", f"127.0.0.1 {self.master.port}")
        self.replica = Valkey(folder / "replica", reaper, *of_master)

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.port}/main"

    def start(self) -> None:
        """Start all three and wait until Sentinel knows the replica."""
        self.master.start()
        self.replica.start()
        config = self._folder / "sentinel.conf"
        config.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self._folder}\n"
            f"sentinel monitor main 127.0.0.1 {self.master.port} 1\n"
            "sentinel down-after-milliseconds main 1000\n"
            "sentinel failover-timeout main 5000\n"
        )
        command = [binary(), str(config), "--sentinel"]
        self._sentinel = Process(command, reaper=self._reaper, log=self._folder / "log")
        wait_until(self._knows_the_replica, 30, "Sentinel knows the replica")

    def close(self) -> None:
        if self._sentinel is not None and self._sentinel.running:
            self._sentinel.kill()
        self.replica.close()
        self.master.close()

    def _knows_the_replica(self) -> bool:
        with redis.Redis(port=self.port, socket_timeout=1) as client:
            try:
                replicas = client.sentinel_slaves("main")
            except (redis.RedisError, OSError):
                return False
        return [replica["flags"] for replica in replicas] == ["slave"]


def redis_program() -> str:
    """The path of a Redis of version 7 or newer."""
    return shutil.which("redis-server") or unavailable("no redis-server on PATH")
