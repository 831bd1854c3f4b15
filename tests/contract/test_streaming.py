"""In a stream of events the publisher reads answers now and then only, and loses nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from redis.exceptions import RedisError

from notifier.broker import connection
from notifier.broker.connection import Pipe, Sender
from notifier.broker.endpoint import endpoint_of
from notifier.broker.publisher import RedisPublisher
from notifier.broker.wire import Wire
from notifier.operations import Event
from tests.services.valkey import Valkey
from tests.support import wait_until

WIRE = Wire(f"stream-{os.getpid()}", "a key")
MOST = 5


@pytest.fixture(autouse=True)
def _long_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine, the stream does not end by itself."""
    monkeypatch.setattr(connection, "_STREAM_SECONDS", 60)
    monkeypatch.setattr(connection, "_MOST_PENDING", MOST)


@pytest.fixture
def sender(fresh_valkey: Valkey) -> Iterator[Sender]:
    sender = endpoint_of(fresh_valkey.url, 0.5).sender()
    assert isinstance(sender, Pipe)
    yield sender
    sender.close()


@pytest.fixture
def publisher(fresh_valkey: Valkey) -> Iterator[RedisPublisher]:
    publisher = RedisPublisher(endpoint_of(fresh_valkey.url, 0.5).sender, WIRE, 1_000, 60)
    yield publisher
    publisher.close(5)


def published(sender: Sender, count: int) -> int:
    """Hand over messages until that is refused, ``count`` at most; how many were taken."""
    return next((n for n in range(count) if not sender.hand_over([("channel", b"x")])), count)


def publish_and_confirm(sender: Sender) -> None:
    published(sender, 20)
    sender.confirm()


def test_the_first_message_is_not_handed_over(sender: Sender) -> None:
    assert not sender.hand_over([("channel", b"x")])


def test_after_an_answer_some_are_handed_over_until_they_are_confirmed(sender: Sender) -> None:
    sender.send([("channel", b"x")])
    assert published(sender, 20) == MOST
    sender.confirm()
    assert published(sender, 20) == MOST


def test_to_send_confirms_what_was_handed_over(sender: Sender) -> None:
    sender.send([("channel", b"x")])
    published(sender, 20)
    sender.send([("channel", b"x")])
    assert published(sender, 20) == MOST


def test_a_server_that_went_is_found_when_it_is_asked_to_confirm(
    fresh_valkey: Valkey, sender: Sender
) -> None:
    sender.send([("channel", b"x")])
    fresh_valkey.freeze()
    assert sender.hand_over([("channel", b"y")])
    fresh_valkey.thaw()
    fresh_valkey.stop()
    with pytest.raises((RedisError, OSError)):
        publish_and_confirm(sender)
    assert not sender.hand_over([("channel", b"x")])


def stream(publisher: RedisPublisher, first: int, count: int) -> None:
    """One event after the other, each taken by the publisher's thread before the next."""
    for stamp in range(first, first + count):
        publisher.publish([Event("alice", "order", stamp, stamp, stamp - 1)])
        wait_until(lambda: publisher.depth == 0 or publisher._failing_since is not None)


def test_flushing_waits_for_the_confirmation(publisher: RedisPublisher) -> None:
    stream(publisher, 1, 3)
    publisher.flush(10)
    assert publisher.published == 3


def test_a_stream_that_pauses_is_confirmed(publisher: RedisPublisher) -> None:
    stream(publisher, 1, 3)
    wait_until(lambda: publisher.published == 3)


@pytest.mark.parametrize("fault", ["freeze", "kill"])
def test_what_was_handed_over_to_a_server_that_failed_is_published_later(
    fresh_valkey: Valkey, publisher: RedisPublisher, fault: str
) -> None:
    stream(publisher, 1, 3)
    fresh_valkey.freeze()
    stream(publisher, 4, 3)
    if fault == "kill":
        fresh_valkey.kill()
    wait_until(lambda: publisher._failing_since is not None)
    (fresh_valkey.start if fault == "kill" else fresh_valkey.thaw)()
    wait_until(lambda: publisher.published + publisher.coalesced == 6)
    assert publisher.published >= 1
    assert publisher.dropped == publisher.depth == 0
