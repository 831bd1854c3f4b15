"""What a publisher could not publish is not forgotten, however often it failed meanwhile."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence

import pytest

from notifier.broker.connection import Message
from notifier.broker.publisher import RedisPublisher
from notifier.broker.wire import Wire
from notifier.operations import Event
from tests.support import wait_until

WIRE = Wire("test", "key")


class Sender:
    """Fails until it is let through, and then keeps what it is given."""

    def __init__(self) -> None:
        self.failures = 0
        self.works = threading.Event()
        self.sent: list[Message] = []

    def send(self, messages: Sequence[Message]) -> None:
        if not self.works.is_set():
            self.failures += 1
            raise ConnectionRefusedError("no server")
        self.sent.extend(messages)

    pending = None

    def write(self, messages: Sequence[Message]) -> None:
        self.send(messages)

    def confirm(self) -> None:
        pass

    def close(self) -> None:
        pass

    def swept(self) -> list[str]:
        """Whom the workers were asked to sweep."""
        asked = [payload for channel, payload in list(self.sent) if channel == WIRE.control]
        return [
            user for one in asked for user in json.loads(WIRE.unseal(WIRE.control.encode(), one))
        ]


@pytest.fixture
def sender() -> Sender:
    return Sender()


@pytest.fixture
def publisher(sender: Sender) -> Iterator[RedisPublisher]:
    publisher = RedisPublisher(lambda: sender, WIRE, queue_size=1, queue_seconds=60)
    yield publisher
    sender.works.set()
    publisher.close(5)


def test_users_who_were_dropped_before_a_failure_are_swept_after_it(
    sender: Sender, publisher: RedisPublisher
) -> None:
    publisher.publish([Event(user, "order", 1, 2, 1) for user in ("alice", "bob", "carol")])
    # Taken with the attempts that failed, and put back each time.
    wait_until(lambda: sender.failures >= 3)
    sender.works.set()
    wait_until(lambda: sender.swept() == ["alice", "bob"])
