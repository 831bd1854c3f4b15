"""The publisher port: the same suite for the one in memory and the one on Redis."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import dataclass

import pytest
from redis.exceptions import RedisError

from notifier.broker.endpoint import endpoint_of
from notifier.operations import Event
from notifier.publisher import MemoryPublisher, Publisher
from tests.contract.broker import Subscribed, event
from tests.services.valkey import Valkey
from tests.support import ROOT, wait_until


@dataclass
class Wired:
    """A publisher, and what arrives from it for alice."""

    publisher: Publisher
    arrived: list[Event]


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
        "from tests.contract.broker import event, redis_publisher as make\n"
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
