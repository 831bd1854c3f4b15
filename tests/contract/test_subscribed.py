"""A subscription hears what is ours, and comes back when it is lost."""

from __future__ import annotations

import pytest

from notifier.broker.wire import Wire, encode_event
from tests.contract.broker import KEY, Subscribed, event, redis_publisher
from tests.services.valkey import Valkey
from tests.support import wait_until

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
