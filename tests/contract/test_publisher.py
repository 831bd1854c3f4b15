"""The publisher port: the same suite for the one in memory and the one on Redis."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from notifier.broker.connection import Link, client
from notifier.broker.publisher import RedisPublisher
from notifier.broker.subscription import Subscription
from notifier.operations import Event
from notifier.publisher import MemoryPublisher, Publisher
from tests.services.valkey import Valkey
from tests.support import ROOT, wait_until


@dataclass
class Wired:
    """A publisher, and what arrives from it for alice."""

    publisher: Publisher
    arrived: list[Event]


def event(stamp: int, user: str = "alice", name: str = "order", data: object = 1) -> Event:
    return Event(user, name, data, stamp, stamp - 1)


def redis_publisher(valkey: Valkey, prefix: str, size: int = 1_000, wait: float = 3) -> Publisher:
    return RedisPublisher(lambda: client(valkey.url, 0.5), prefix, size, wait)


def subscribe(valkey: Valkey, prefix: str, arrived: list[Event]) -> Subscription:
    subscription = Subscription(lambda: Link(valkey.url, 0.5), prefix, arrived.extend, lambda: None)
    subscription.start()
    subscription.join("alice")
    assert subscription.wait_ready(10)
    return subscription


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return f"{os.getpid()}-{request.node.name}"


@pytest.fixture(params=["memory", "redis"])
def wired(request: pytest.FixtureRequest, prefix: str) -> Iterator[Wired]:
    arrived: list[Event] = []
    if request.param == "memory":
        memory = MemoryPublisher()
        memory.subscribe(arrived.extend)
        yield Wired(memory, arrived)
        return
    valkey: Valkey = request.getfixturevalue("valkey")
    subscription = subscribe(valkey, prefix, arrived)
    publisher = redis_publisher(valkey, prefix)
    yield Wired(publisher, arrived)
    publisher.close(2)
    subscription.close(2)


def test_what_is_published_arrives_whole_and_in_order(wired: Wired) -> None:
    sent = [event(n, data={"text": "ü😀", "n": [n, None, 1.5]}) for n in range(1, 501)]
    wired.publisher.publish(sent)
    wait_until(lambda: len(wired.arrived) == 500)
    assert wired.arrived == sent


def test_publishing_nothing_is_fine(wired: Wired) -> None:
    wired.publisher.publish([])
    wired.publisher.publish([event(1)])
    wait_until(lambda: wired.arrived == [event(1)])


def test_many_threads_may_publish(wired: Wired) -> None:
    threads = [
        threading.Thread(target=lambda n=n: wired.publisher.publish([event(n)]))
        for n in range(1, 21)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait_until(lambda: {one.stamp for one in wired.arrived} == set(range(1, 21)))


def test_closing_delivers_what_is_held(wired: Wired) -> None:
    wired.publisher.publish([event(n) for n in range(1, 101)])
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


def test_a_script_that_just_ends_has_published(valkey: Valkey, prefix: str) -> None:
    arrived: list[Event] = []
    subscription = subscribe(valkey, prefix, arrived)
    script = (
        "from tests.contract.test_publisher import event, redis_publisher as make\n"
        "from types import SimpleNamespace\n"
        f"make(SimpleNamespace(url={valkey.url!r}), {prefix!r}).publish([event(1)])\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)
    wait_until(lambda: arrived == [event(1)])
    subscription.close(1)


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
    for n in range(1, 101):
        publisher.publish([event(n)])
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


def test_a_full_queue_drops_the_oldest(fresh_valkey: Valkey, prefix: str) -> None:
    fresh_valkey.stop()
    publisher = redis_publisher(fresh_valkey, prefix, size=10, wait=60)
    publisher.publish([event(n) for n in range(1, 31)])
    assert publisher.dropped >= 20
    publisher.close(0.1)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_publishes_on_its_own(valkey: Valkey, prefix: str) -> None:
    arrived: list[Event] = []
    subscription = subscribe(valkey, prefix, arrived)
    publisher = redis_publisher(valkey, prefix)
    publisher.publish([event(1)])
    wait_until(lambda: len(arrived) == 1)
    child = os.fork()
    if child == 0:
        publisher.publish([event(2)])
        publisher.close(5)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    wait_until(lambda: [one.stamp for one in arrived] == [1, 2])
    publisher.close(1)
    subscription.close(1)


def test_junk_on_a_channel_is_counted_and_dropped(
    valkey: Valkey, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    arrived: list[Event] = []
    subscription = subscribe(valkey, prefix, arrived)
    stranger = client(valkey.url, 1)
    junk = [b"5", b"", b"[]", b"{}", b"\xff", b'["order",1,"2",1]', b"[1,1,2,1]", b"[" * 70_000]
    junk += [b'["order",1,2,2]', b'["order",1,2,-1]', b'["order",1,true,0]', b"[" * 60_000]
    for payload in junk:
        stranger.publish(f"{prefix}:user:alice", payload)
    publisher = redis_publisher(valkey, prefix)
    publisher.publish([event(7)])
    wait_until(lambda: arrived == [event(7)])
    assert subscription.rejected == len(junk)
    assert caplog.text.count("was not ours") == 1
    publisher.close(1)
    subscription.close(1)
    stranger.close()


def test_a_subscription_left_and_joined_again_still_hears(valkey: Valkey, prefix: str) -> None:
    arrived: list[Event] = []
    subscription = subscribe(valkey, prefix, arrived)
    subscription.leave("alice")
    subscription.join("alice")
    publisher = redis_publisher(valkey, prefix)
    publisher.publish([event(1)])
    wait_until(lambda: len(arrived) == 1)
    publisher.close(1)
    subscription.close(1)


def test_a_lost_subscription_comes_back_with_every_user(fresh_valkey: Valkey, prefix: str) -> None:
    arrived: list[Event] = []
    resynced: list[float] = []
    subscription = Subscription(
        lambda: Link(fresh_valkey.url, 0.5),
        prefix,
        arrived.extend,
        lambda: resynced.append(time.monotonic()),
    )
    subscription.start()
    for n in range(2_500):
        subscription.join(f"user{n}")
    wait_until(lambda: subscription.ready and len(resynced) == 1)
    fresh_valkey.kill()
    wait_until(lambda: not subscription.ready)
    fresh_valkey.start()
    wait_until(lambda: subscription.ready and len(resynced) == 2)
    assert subscription.wait_joined("user2499", 1)
    subscription.close(2)
