"""What a subscription makes of a channel's end, on a connection of the test's own."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

from notifier.broker import subscription as module
from notifier.broker.connection import Link
from notifier.broker.probe import Probe
from notifier.broker.subscription import Subscription
from notifier.broker.wire import Wire
from tests.support import wait_until

WIRE = Wire("test", "key")
ALICE = WIRE.channel("alice").encode()


class Server:
    """Answers every command at once, but an UNSUBSCRIBE only when the next command is here."""

    def __init__(self) -> None:
        self.connections = self.beats = self.refusals = 0
        self.ended = threading.Event()
        self._answers: queue.Queue[list[bytes]] = queue.Queue()

    def connect(self) -> Link:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionRefusedError
        self.connections += 1
        return cast(Link, self)

    def write(self, command: str, *channels: str) -> None:
        if command == "UNSUBSCRIBE":
            self.ended.set()
        elif command == "SUBSCRIBE":
            if self.ended.is_set():
                self.say(b"unsubscribe", ALICE)
                self.ended.clear()
            for channel in channels:
                self.say(b"subscribe", channel.encode())

    def say(self, *answer: bytes) -> None:
        self._answers.put([*answer, b""])

    def read(self, timeout: float) -> Any:
        try:
            return self._answers.get(timeout=min(timeout, 0.05))
        except queue.Empty:
            return None

    def close(self) -> None:
        pass

    def beat(self, channel: str, content: bytes) -> None:
        """A probe: it comes back, and so does the sign of life."""
        self.beats += 1
        self._answers.put([b"message", channel.encode(), WIRE.seal(channel, content)])
        self.say(b"pong")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def subscription(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Subscription]:
    """Alice's, on a connection that has it acknowledged."""
    monkeypatch.setattr(module, "_LINGER_SECONDS", 0.0)
    probe = Probe(WIRE.probe(), server.beat, time.monotonic)
    subscription = Subscription(server.connect, WIRE, probe, lambda _: None, lambda _: None)
    subscription.join("alice")
    subscription.start()
    assert subscription.wait_ready(5)
    yield subscription
    subscription.close(5)


def test_who_comes_back_before_the_end_of_their_channel_is_told_keeps_the_connection(
    server: Server, subscription: Subscription
) -> None:
    subscription.leave("alice")
    assert server.ended.wait(5)
    subscription.join("alice")
    assert subscription.wait_joined("alice", 5)
    subscription.join("bob")
    assert subscription.wait_joined("bob", 5)
    assert server.connections == 1


def test_who_leaves_for_a_moment_is_not_unsubscribed(
    server: Server, subscription: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    subscription.leave("alice")
    beats = server.beats
    wait_until(lambda: server.beats >= beats + 2)
    assert not server.ended.is_set()


def test_a_server_that_refuses_is_asked_again_in_a_moment(
    server: Server, subscription: Subscription
) -> None:
    server.refusals = 3
    server.say(b"unsubscribe", ALICE)
    wait_until(lambda: server.refusals == 0 and subscription.ready)


def test_a_channel_that_ends_without_our_asking_is_subscribed_anew(
    server: Server, subscription: Subscription
) -> None:
    server.say(b"unsubscribe", ALICE)
    wait_until(lambda: server.connections == 2 and subscription.ready)
    assert subscription.wait_joined("alice", 5)
