"""The publisher port: the same suite for the one in memory and the one on Redis."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from redis.exceptions import RedisError

from notifier.broker.channels import Channels
from notifier.broker.endpoint import endpoint_of
from notifier.broker.publisher import RedisPublisher
from notifier.broker.wire import Wire, encode_event
from notifier.operations import Event
from notifier.publisher import MemoryPublisher, Publisher
from tests.services.valkey import Valkey
from tests.support import ROOT, wait_until


@dataclass
class Wired:
    """A publisher, and what arrives from it for alice."""

    publisher: Publisher
    arrived: list[Event]


KEY = "a key that every process of a deployment shares"


def event(
    stamp: int,
    user: str = "alice",
    name: str = "order",
    data: object = 1,
    previous: int | None = None,
) -> Event:
    return Event(user, name, data, stamp, stamp - 1 if previous is None else previous)


def redis_publisher(
    valkey: Valkey, prefix: str, size: int = 1_000, wait: float = 3, key: str = KEY
) -> RedisPublisher:
    return RedisPublisher(endpoint_of(valkey.url, 0.5).sender, Wire(prefix, key), size, wait)


@dataclass
class Subscribed:
    """A subscription of alice, what arrives on it, and whom it was asked to sweep."""

    subscription: Channels
    publisher: RedisPublisher
    arrived: list[Event]
    requested: list[Sequence[str] | None]

    def close(self) -> None:
        self.publisher.close(2)
        self.subscription.close(2)


def subscribe(valkey: Valkey, prefix: str) -> Subscribed:
    arrived: list[Event] = []
    requested: list[Sequence[str] | None] = []
    publisher = redis_publisher(valkey, prefix)
    subscription = endpoint_of(valkey.url, 0.5).subscription(
        Wire(prefix, KEY), publisher.note, arrived.extend, requested.append
    )
    subscription.start()
    subscription.join("alice")
    assert subscription.wait_ready(10)
    assert subscription.wait_joined("alice", 10)
    return Subscribed(subscription, publisher, arrived, requested)


@pytest.fixture
def subscribed(valkey: Valkey, prefix: str) -> Iterator[Subscribed]:
    made = subscribe(valkey, prefix)
    yield made
    made.close()


@pytest.fixture
def fragile(fresh_valkey: Valkey, prefix: str) -> Iterator[Subscribed]:
    """The same on a Valkey of the test's own."""
    made = subscribe(fresh_valkey, prefix)
    yield made
    made.close()


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return f"{os.getpid()}-{request.node.name}"


@pytest.fixture(params=["memory", "redis"])
def wired(request: pytest.FixtureRequest) -> Wired:
    if request.param == "redis":
        subscribed: Subscribed = request.getfixturevalue("subscribed")
        return Wired(subscribed.publisher, subscribed.arrived)
    arrived: list[Event] = []
    memory = MemoryPublisher()
    memory.subscribe(arrived.extend)
    return Wired(memory, arrived)


def test_what_is_published_arrives_whole_and_in_order(wired: Wired) -> None:
    data = {"text": "ü😀", "n": [1, None, 1.5]}
    sent = [event(n, name=f"order{n}", data=data) for n in range(1, 501)]
    wired.publisher.publish(sent)
    wait_until(lambda: len(wired.arrived) == 500)
    assert wired.arrived == sent


def test_publishing_nothing_is_fine(wired: Wired) -> None:
    wired.publisher.publish([])
    wired.publisher.publish([event(1)])
    wait_until(lambda: wired.arrived == [event(1)])


def test_many_threads_may_publish(wired: Wired) -> None:
    threads = [
        threading.Thread(target=lambda n=n: wired.publisher.publish([event(n, name=f"n{n}")]))
        for n in range(1, 21)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: {one.stamp for one in wired.arrived} == set(range(1, 21)))


def test_closing_delivers_what_is_held(wired: Wired) -> None:
    wired.publisher.publish([event(n, name=f"order{n}") for n in range(1, 101)])
    wired.publisher.close(5)
    wait_until(lambda: len(wired.arrived) == 100)


def test_flushing_waits_for_what_is_held(wired: Wired) -> None:
    for n in (1, 2):
        wired.publisher.publish([event(n)])
        wired.publisher.flush(5)
        wait_until(lambda n=n: len(wired.arrived) == n)


def test_a_closed_publisher_can_be_used_again(wired: Wired) -> None:
    wired.publisher.close(5)
    wired.publisher.publish([event(1)])
    wait_until(lambda: wired.arrived == [event(1)])


def test_a_script_that_just_ends_has_published(
    subscribed: Subscribed, valkey: Valkey, prefix: str
) -> None:
    script = (
        "from tests.contract.test_publisher import event, redis_publisher as make\n"
        "from types import SimpleNamespace\n"
        f"make(SimpleNamespace(url={valkey.url!r}), {prefix!r}).publish([event(1)])\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
    wait_until(lambda: subscribed.arrived == [event(1)])


def test_a_receiver_that_raises_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    arrived: list[Event] = []
    publisher = MemoryPublisher()
    publisher.subscribe(lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
    publisher.subscribe(arrived.extend)
    publisher.publish([event(1)])
    assert (len(arrived), publisher.failures) == (1, 1)
    assert "ZeroDivisionError" in caplog.text


def test_a_publisher_without_redis_neither_raises_nor_waits(
    fresh_valkey: Valkey, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    fresh_valkey.stop()
    publisher = redis_publisher(fresh_valkey, prefix, wait=0.3)
    publisher.publish([event(n, name=f"order{n}") for n in range(1, 101)])
    wait_until(lambda: publisher.dropped == 100)
    publisher.close(1)
    assert caplog.text.count("does not take publications") == 1


def test_what_waited_for_redis_is_published_when_it_returns(
    fresh_valkey: Valkey, prefix: str
) -> None:
    publisher = redis_publisher(fresh_valkey, prefix, wait=60)
    fresh_valkey.freeze()
    publisher.publish([event(1)])
    fresh_valkey.thaw()
    wait_until(lambda: publisher.published == 1)
    publisher.close(1)


def test_of_what_waits_only_the_newest_of_a_name_survives(fragile: Subscribed) -> None:
    fragile.publisher._seconds = 60
    fragile.subscription._probe._heard = float("inf")  # a dead connection is not the subject
    wait_until(lambda: fragile.publisher._thread is not None)
    with fragile.publisher._changed:
        fragile.publisher.publish([event(n) for n in range(1, 101)])
    wait_until(lambda: fragile.arrived == [event(100, previous=0)])
    assert fragile.publisher.coalesced == 99


def test_an_event_that_cannot_be_encoded_stops_nobody(
    subscribed: Subscribed, caplog: pytest.LogCaptureFixture
) -> None:
    subscribed.publisher.publish([event(1, data=object())])
    wait_until(lambda: subscribed.publisher.dropped == 1)
    subscribed.publisher.publish([event(2)])
    wait_until(lambda: subscribed.arrived == [event(2)])
    assert "could not be published" in caplog.text


def test_a_full_queue_drops_the_oldest(fresh_valkey: Valkey, prefix: str) -> None:
    fresh_valkey.stop()
    publisher = redis_publisher(fresh_valkey, prefix, size=10, wait=60)
    publisher.publish([event(n, name=f"order{n}") for n in range(1, 31)])
    assert publisher.dropped >= 20
    publisher.close(0.1)


def test_what_was_dropped_becomes_a_request_to_sweep(fragile: Subscribed) -> None:
    with fragile.publisher._changed:
        fragile.publisher._drop([event(1, user="bob"), event(2, user="alice")])
    fragile.publisher.publish([event(3)])
    wait_until(lambda: ["alice", "bob"] in fragile.requested)


def test_a_sender_comes_back_after_any_number_of_attempts_in_vain(
    fresh_valkey: Valkey, prefix: str
) -> None:
    sender = endpoint_of(fresh_valkey.url, 0.5).sender()
    sender.send([(prefix, b"before")])
    fresh_valkey.stop()
    for _ in range(250):
        with pytest.raises((RedisError, OSError)):
            sender.send([(prefix, b"in vain")])
    fresh_valkey.start()
    sender.send([(prefix, b"after")])
    sender.close()


def test_a_sender_does_not_mind_that_the_server_ended_an_idle_connection(
    fresh_valkey: Valkey, prefix: str
) -> None:
    sender = endpoint_of(fresh_valkey.url, 0.5).sender()
    sender.send([(prefix, b"before")])
    fresh_valkey.client().client_kill_filter(_type="normal", skipme=True)
    sender.send([(prefix, b"after")])
    sender.close()


def test_a_request_to_sweep_that_would_be_too_long_names_nobody(fragile: Subscribed) -> None:
    before = fragile.requested.count(None)
    with fragile.publisher._changed:
        fragile.publisher._drop([event(1, user=f"{n:03}" + "\u6f22" * 61) for n in range(400)])
    fragile.publisher.publish([event(3)])
    wait_until(lambda: fragile.requested.count(None) == before + 1)


def test_when_many_were_dropped_everyone_is_swept(fragile: Subscribed) -> None:
    before = fragile.requested.count(None)
    with fragile.publisher._changed:
        fragile.publisher._drop([event(1, user=f"user{n}") for n in range(600)])
    fragile.publisher.publish([event(3)])
    wait_until(lambda: fragile.requested.count(None) == before + 1)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_publishes_on_its_own(subscribed: Subscribed) -> None:
    subscribed.publisher.publish([event(1)])
    wait_until(lambda: len(subscribed.arrived) == 1)
    child = os.fork()
    if child == 0:
        subscribed.publisher.publish([event(2)])
        subscribed.publisher.close(5)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    wait_until(lambda: [one.stamp for one in subscribed.arrived] == [1, 2])


JUNK = [b"5", b"", b"[]", b"null", b"\xff" * 40, b"x" * 70_000]
SEALED_JUNK = [b"5", b"[]", b"{}", b"\xff", b'["order",1,"2",1]', b"[1,1,2,1]", b"[" * 60_000]
SEALED_JUNK += [b'["order",1,2,2]', b'["order",1,2,-1]', b'["order",1,true,0]']


def test_junk_and_forgeries_are_counted_dropped_and_logged_once(
    subscribed: Subscribed, valkey: Valkey, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    stranger, wire = valkey.client(), Wire(prefix, KEY)
    channel = wire.channel("alice")
    forged = Wire(prefix, "another key").seal(channel, encode_event(event(9)))
    moved = wire.seal(wire.channel("bob"), encode_event(event(9)))
    ours = [wire.seal(channel, content) for content in SEALED_JUNK]
    for payload in (*JUNK, forged, moved, *ours):
        stranger.publish(channel, payload)
        stranger.publish(wire.control, payload)
    subscribed.publisher.publish([event(7)])
    wait_until(lambda: subscribed.arrived == [event(7)])
    assert subscribed.subscription.rejected == 2 * (len(JUNK) + 2 + len(ours))
    assert caplog.text.count("was not ours") == 1
    stranger.close()


def test_a_publisher_with_another_key_is_not_heard(
    subscribed: Subscribed, valkey: Valkey, prefix: str
) -> None:
    other = redis_publisher(valkey, prefix, key="another key")
    other.publish([event(1)])
    other.close(2)
    subscribed.publisher.publish([event(2)])
    wait_until(lambda: subscribed.arrived == [event(2)])


def test_a_subscription_left_and_joined_again_still_hears(subscribed: Subscribed) -> None:
    subscribed.subscription.leave("alice")
    subscribed.subscription.join("alice")
    subscribed.publisher.publish([event(1)])
    wait_until(lambda: len(subscribed.arrived) == 1)


def test_a_lost_subscription_comes_back_with_every_user(
    fragile: Subscribed, fresh_valkey: Valkey
) -> None:
    for n in range(2_500):
        fragile.subscription.join(f"user{n}")
    assert fragile.subscription.wait_joined("user2499", 5)
    fresh_valkey.kill()
    wait_until(lambda: not fragile.subscription.ready)
    fresh_valkey.start()
    wait_until(lambda: fragile.subscription.ready)
    assert fragile.subscription.wait_joined("user2499", 1)
    wait_until(lambda: fragile.subscription.resyncs == fragile.requested.count(None) == 2)


def test_a_subscription_that_hears_nothing_is_given_up(
    fragile: Subscribed, fresh_valkey: Valkey
) -> None:
    wait_until(lambda: fragile.subscription.round_trip is not None)
    fresh_valkey.freeze()
    wait_until(lambda: not fragile.subscription.ready, message="three beats are missed")
    fresh_valkey.thaw()
    wait_until(lambda: fragile.subscription.ready)
