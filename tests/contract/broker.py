"""A publisher on a real Redis, and a subscription that hears it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from notifier.broker.channels import Channels
from notifier.broker.endpoint import endpoint_of
from notifier.broker.publisher import RedisPublisher
from notifier.broker.wire import Wire
from notifier.operations import Event
from tests.services.valkey import Valkey

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
