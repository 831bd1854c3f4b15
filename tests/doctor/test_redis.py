"""What a Redis can have wrong with it, each fault caused."""

from __future__ import annotations

import pytest

from notifier.doctor import brokers
from notifier.doctor.report import State
from tests.doctor.conftest import Examine, Host, ValkeyWith
from tests.services.process import Reaper
from tests.services.topologies import ValkeyCluster
from tests.services.valkey import Valkey
from tests.support import free_port

ALL = ("redis", "redis role", "redis memory", "redis buffers", "same key")
CHANNEL = "seals"


def test_redis_as_it_should_be(look: Examine, valkey: Valkey) -> None:
    # Others are on this Redis, too.
    found = look(*ALL, REDIS_URL=valkey.url, NOTIFIER_CHANNEL="nobody-else")
    assert found.pop("same key").state is State.SKIPPED
    assert {name: one.state for name, one in found.items()} == dict.fromkeys(found, State.OK)
    assert found["redis"].found.startswith("Valkey ")


def test_a_redis_that_is_not_there(look: Examine) -> None:
    found = look(*ALL, REDIS_URL=f"redis://127.0.0.1:{free_port()}")
    assert found.pop("redis").state is State.WRONG
    assert {one.state for one in found.values()} == {State.SKIPPED}


def test_a_redis_that_is_frozen(look: Examine, fresh_valkey: Valkey) -> None:
    fresh_valkey.freeze()
    found = look("redis", REDIS_URL=fresh_valkey.url, NOTIFIER_BROKER_TIMEOUT=0.2)
    fresh_valkey.thaw()
    assert found["redis"].state is State.WRONG


def test_a_redis_that_wants_a_password(look: Examine, fresh_valkey: Valkey) -> None:
    with fresh_valkey.client() as client:
        client.config_set("requirepass", "sesame")
    for url in (fresh_valkey.url, f"redis://:no@127.0.0.1:{fresh_valkey.port}"):
        found = look("redis", REDIS_URL=url)["redis"]
        assert (found.state, "password" in found.found) == (State.WRONG, True), found


def limited(server: Valkey, *rules: str) -> str:
    """The URL of `server` for a user whom these ACL rules apply to."""
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "limited", "reset", "on", ">pw", "~*", *rules)
    return f"redis://limited:pw@127.0.0.1:{server.port}/0"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (("+@all", "resetchannels"), "does not take publications"),
        (("+@all", "&*", "-subscribe"), "does not come back"),
    ],
)
def test_a_redis_that_forbids_what_we_do(
    look: Examine,
    fresh_valkey: Valkey,
    monkeypatch: pytest.MonkeyPatch,
    rules: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.setattr(brokers, "_ROUND_SECONDS", 0.5)
    found = look("redis", REDIS_URL=limited(fresh_valkey, *rules))["redis"]
    assert (found.state, words in found.found) == (State.WRONG, True), found
    assert "&notifier:*" in found.advice


def test_a_redis_that_allows_no_more_than_is_needed(look: Examine, fresh_valkey: Valkey) -> None:
    url = limited(
        fresh_valkey, "resetchannels", *["&notifier:*", "+@pubsub", "+@connection", "+info"]
    )
    found = look(*ALL, REDIS_URL=url)
    assert {one.state for one in found.values()} == {State.OK, State.SKIPPED}


def test_a_redis_that_says_nothing_about_itself(
    look: Examine, host: Host, fresh_valkey: Valkey
) -> None:
    rules = ("resetchannels", "&notifier:*", "+ping", "+publish", "+subscribe", "+unsubscribe")
    url = limited(fresh_valkey, *rules)
    host(REDIS_URL=fresh_valkey.url).start()
    found = look(*ALL, REDIS_URL=url)
    assert found.pop("redis").state is State.OK
    assert {name: one.state for name, one in found.items()} == dict.fromkeys(found, State.SKIPPED)
    assert "no client was cut" not in found["redis buffers"].found


def test_a_redis_that_evicts(look: Examine, valkey_with: ValkeyWith) -> None:
    server = valkey_with("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru")
    found = look("redis memory", REDIS_URL=server.url)["redis memory"]
    assert found.state is State.WARNING
    assert "allkeys-lru" in found.found
    assert "noeviction" in found.advice


def test_a_redis_that_evicts_and_forbids_config(look: Examine, fresh_valkey: Valkey) -> None:
    with fresh_valkey.client() as client:
        client.config_set("maxmemory-policy", "volatile-ttl")
    url = limited(fresh_valkey, "+@all", "-config", "&*")
    found = look("redis memory", "redis buffers", REDIS_URL=url)
    assert "volatile-ttl" in found["redis memory"].found
    assert found["redis buffers"].state is State.SKIPPED


@pytest.mark.parametrize(
    ("limit", "state"),
    [
        ("pubsub 65536 65536 60", State.WRONG),
        ("pubsub 0 0 0", State.WARNING),
        ("pubsub 33554432 8388608 60", State.OK),
    ],
)
def test_how_far_behind_a_subscriber_may_be(
    look: Examine, fresh_valkey: Valkey, limit: str, state: State
) -> None:
    with fresh_valkey.client() as client:
        client.config_set("client-output-buffer-limit", limit)
    assert look("redis buffers", REDIS_URL=fresh_valkey.url)["redis buffers"].state is state


def test_a_replica(look: Examine, fresh_valkey: Valkey, valkey_with: ValkeyWith) -> None:
    replica = valkey_with("--replicaof", f"127.0.0.1 {fresh_valkey.port}")
    found = look("redis role", REDIS_URL=replica.url)["redis role"]
    assert found.state is State.WRONG
    assert "replica" in found.found


def test_processes_with_one_key(look: Examine, host: Host, valkey: Valkey) -> None:
    settings = {"REDIS_URL": valkey.url, "NOTIFIER_CHANNEL": CHANNEL}
    host(**settings).start()
    host(**settings).start()
    # Processes on one SQLite would be wrong.
    url = "postgresql://nobody@127.0.0.1:1/none"
    found = look("same key", **settings, DATABASE_URL=url)["same key"]
    assert (found.state, found.found[:1]) == (State.OK, "2")


def test_processes_with_different_keys(look: Examine, host: Host, valkey: Valkey) -> None:
    settings = {"REDIS_URL": valkey.url, "NOTIFIER_CHANNEL": CHANNEL}
    host(**settings).start()
    host(**settings, SECRET_KEY="another-key-of-some-length").start()
    found = look("same key", **settings)["same key"]
    assert found.state is State.WRONG
    assert found.found.startswith("1 of 2")


def test_nobody_there_is_nothing_wrong(look: Examine, fresh_valkey: Valkey) -> None:
    assert look("same key", REDIS_URL=fresh_valkey.url)["same key"].state is State.SKIPPED


def test_the_nodes_of_a_cluster(
    look: Examine, host: Host, tmp_path_factory: pytest.TempPathFactory, reaper: Reaper
) -> None:
    cluster = ValkeyCluster(tmp_path_factory.mktemp("cluster"), reaper)
    try:
        cluster.start()
        host(REDIS_URL=cluster.url).start()
        with cluster.nodes[1].client() as client:
            client.config_set("maxmemory-policy", "allkeys-lfu")
        found = look(*ALL, REDIS_URL=cluster.url)
    finally:
        cluster.close()
    assert found.pop("redis memory").state is State.WARNING
    assert {name: one.state for name, one in found.items()} == dict.fromkeys(found, State.OK)
