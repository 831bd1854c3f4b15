"""What REDIS_URL may name: Redis 7, Valkey, a master under Sentinel, a cluster of three."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from notifier.broker.channels import Channels
from notifier.broker.endpoint import endpoint_of
from notifier.broker.publisher import RedisPublisher
from notifier.broker.wire import Wire
from notifier.errors import ConfigurationError
from notifier.operations import Event
from tests.services.process import Reaper
from tests.services.topologies import ValkeyCluster, Watched, redis_program
from tests.services.valkey import Valkey
from tests.support import wait_until

USERS = [f"user{n}" for n in range(60)]
PATIENCE = 30


@dataclass
class Follower:
    """A publisher and a subscription of all users, on one endpoint."""

    url: str
    arrived: list[Event] = field(default_factory=list)
    stamp: int = 0

    def __post_init__(self) -> None:
        endpoint, self.wire = endpoint_of(self.url, 1.0), Wire("endpoints", "key")
        self.publisher = RedisPublisher(endpoint.sender, self.wire, 1_000, 60)
        self.channels: Channels = endpoint.subscription(
            self.wire, self.publisher.note, self.arrived.extend, lambda _users: None
        )
        self.channels.start()
        for user in USERS:
            self.channels.join(user)
        wait_until(lambda: self.channels.ready, PATIENCE, "every channel is acknowledged")

    def everybody_hears(self) -> bool:
        """Publish a new event to every user; whether all of them arrive."""
        self.stamp += 1
        self.publisher.publish([Event(u, "n", 1, self.stamp, self.stamp - 1) for u in USERS])
        self.publisher.flush(2)
        return self.heard(self.stamp)

    def heard(self, stamp: int) -> bool:
        try:
            wait_until(lambda: {e.user for e in self.arrived if e.stamp == stamp} == set(USERS), 1)
        except pytest.fail.Exception:
            return False
        return True

    def close(self) -> None:
        self.publisher.close(1)
        self.channels.close(1)


@pytest.fixture
def follow() -> Iterator[Callable[[str], Follower]]:
    made: list[Follower] = []

    def make(url: str) -> Follower:
        made.append(Follower(url))
        return made[-1]

    yield make
    for follower in made:
        follower.close()


@pytest.fixture
def place(service_dir: Path) -> Path:
    return Path(tempfile.mkdtemp(dir=service_dir))


@pytest.fixture
def cluster(place: Path, reaper: Reaper) -> Iterator[ValkeyCluster]:
    cluster = ValkeyCluster(place, reaper)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.close()


@pytest.fixture
def watched(place: Path, reaper: Reaper) -> Iterator[Watched]:
    watched = Watched(place, reaper)
    try:
        watched.start()
        yield watched
    finally:
        watched.close()


@pytest.fixture
def redis7(place: Path, reaper: Reaper) -> Iterator[Valkey]:
    server = Valkey(place, reaper, program=redis_program())
    server.start()
    yield server
    server.close()


Follow = Callable[[str], Follower]


def test_everybody_hears_through_valkey(valkey: Valkey, follow: Follow) -> None:
    assert follow(valkey.url).everybody_hears()


def test_everybody_hears_through_a_unix_socket(valkey: Valkey, follow: Follow) -> None:
    assert follow(valkey.socket_url).everybody_hears()


def test_everybody_hears_through_redis_7(redis7: Valkey, follow: Follow) -> None:
    with redis7.client() as client:
        assert int(client.info("server")["redis_version"].split(".")[0]) >= 7
    assert follow(redis7.url).everybody_hears()


def test_redis_7_may_restart(redis7: Valkey, follow: Follow) -> None:
    follower = follow(redis7.url)
    redis7.kill()
    wait_until(lambda: not follower.channels.ready, PATIENCE)
    redis7.start()
    wait_until(lambda: follower.channels.ready, PATIENCE)
    assert follower.everybody_hears()


def test_a_failover_by_sentinel_is_followed(watched: Watched, follow: Follow) -> None:
    follower = follow(watched.url)
    assert follower.everybody_hears()
    watched.master.kill()
    wait_until(lambda: not follower.channels.ready, PATIENCE, "the master is missed")
    wait_until(lambda: follower.channels.ready, PATIENCE, "the new master is found")
    assert follower.everybody_hears()
    with watched.replica.client() as client:
        assert client.info("replication")["role"] == "master"


def test_in_a_cluster_everybody_hears_on_his_own_node(
    cluster: ValkeyCluster, follow: Follow
) -> None:
    follower = follow(cluster.url)
    assert follower.everybody_hears()
    owners = {cluster.owner(follower.wire.channel(user)).port for user in USERS}
    assert owners == {node.port for node in cluster.nodes}


def test_a_slot_that_moves_takes_its_user_along(cluster: ValkeyCluster, follow: Follow) -> None:
    follower = follow(cluster.url)
    channel = follower.wire.channel("user0")
    before = cluster.owner(channel)
    after = next(node for node in cluster.nodes if node is not before)
    cluster.move(channel, after)
    wait_until(follower.everybody_hears, PATIENCE, "everybody hears again")
    assert cluster.owner(channel) is after


def test_a_node_that_restarts_is_found_again(cluster: ValkeyCluster, follow: Follow) -> None:
    follower = follow(cluster.url)
    cluster.nodes[1].kill()
    wait_until(lambda: not follower.channels.ready, PATIENCE, "the node is missed")
    cluster.nodes[1].start()
    wait_until(follower.everybody_hears, PATIENCE, "everybody hears again")


def test_whoever_joins_while_a_cluster_is_down_hears_later(
    cluster: ValkeyCluster, follow: Follow
) -> None:
    follower = follow(cluster.url)
    for node in cluster.nodes:
        node.freeze()
    follower.channels.join("late")
    for node in cluster.nodes:
        node.thaw()
    wait_until(lambda: follower.channels.wait_joined("late", 1), PATIENCE)
    follower.publisher.publish([Event("late", "n", 1, 9, 8)])
    wait_until(lambda: any(event.user == "late" for event in follower.arrived))


BAD: list[Any] = [
    "redis:/nowhere",
    "http://127.0.0.1",
    "redis+sentinel://127.0.0.1:26379",
    "redis+sentinel:///main",
    "redis+cluster://",
    "redis+cluster://127.0.0.1:port",
    "127.0.0.1:6379",
]


@pytest.mark.parametrize("url", BAD)
def test_a_malformed_url_says_which_forms_there_are(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"redis\+sentinel://"):
        endpoint_of(url, 1)
