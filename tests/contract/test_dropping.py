"""What a publisher keeps while Redis takes nothing, what it drops, and who is swept for that."""

from __future__ import annotations

import pytest

from tests.contract.broker import Subscribed, event, redis_publisher
from tests.services.valkey import Valkey
from tests.support import wait_until


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
