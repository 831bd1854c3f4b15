"""The heartbeats of many, on a clock that the test holds."""

from __future__ import annotations

import pytest

from notifier.engine.heartbeat import Heartbeat

INTERVAL, TIMEOUT = 10.0, 4.0


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Client:
    def __init__(self) -> None:
        self.seen: list[str] = []

    def ping(self) -> None:
        self.seen.append("ping")

    def overdue(self) -> None:
        self.seen.append("overdue")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def heartbeat(clock: Clock) -> Heartbeat:
    return Heartbeat(INTERVAL, TIMEOUT, clock)


def run(heartbeat: Heartbeat, clock: Clock, seconds: float, *answering: Client) -> None:
    """Let time pass, beat by beat; some clients answer each ping after a second."""
    end = clock.now + seconds
    while clock.now < end:
        clock.now = min(end, clock.now + min(heartbeat.beat(), 1.0))
        for one in answering:
            heartbeat.answered(one)
    heartbeat.beat()


def test_a_client_that_answers_is_pinged_on_and_on(heartbeat: Heartbeat, clock: Clock) -> None:
    client = Client()
    heartbeat.add(client)
    run(heartbeat, clock, 36, client)
    assert client.seen == ["ping"] * 3


def test_a_silent_client_is_overdue_once_after_interval_and_timeout(
    heartbeat: Heartbeat, clock: Clock
) -> None:
    client = Client()
    heartbeat.add(client)
    run(heartbeat, clock, INTERVAL + TIMEOUT - 0.01)
    assert client.seen == ["ping"]
    run(heartbeat, clock, 0.01)
    assert client.seen == ["ping", "overdue"]
    assert len(heartbeat) == 0


def test_an_answer_that_nobody_asked_for_delays_nothing(heartbeat: Heartbeat, clock: Clock) -> None:
    client = Client()
    heartbeat.add(client)
    run(heartbeat, clock, INTERVAL - 1, client)
    run(heartbeat, clock, 1)
    assert client.seen == ["ping"]


def test_whoever_was_told_to_go_is_pinged_no_more_and_overdue_in_time(
    heartbeat: Heartbeat, clock: Clock
) -> None:
    client = Client()
    heartbeat.add(client)
    heartbeat.expect_end(client)
    run(heartbeat, clock, TIMEOUT)
    assert client.seen == ["overdue"]


def test_a_forgotten_client_hears_nothing(heartbeat: Heartbeat, clock: Clock) -> None:
    client = Client()
    heartbeat.add(client)
    heartbeat.forget(client)
    run(heartbeat, clock, 100)
    assert client.seen == []


def test_a_crowd_is_pinged_in_batches_with_turns_for_others(
    heartbeat: Heartbeat, clock: Clock
) -> None:
    crowd = [Client() for _ in range(250)]
    for one in crowd:
        heartbeat.add(one)
    clock.now += INTERVAL
    pauses = [heartbeat.beat() for _ in range(3)]
    assert all(one.seen == ["ping"] for one in crowd)
    assert [pause < 0.01 for pause in pauses] == [True, True, False]


def test_nobody_waits_longer_than_due_for_the_next_beat(heartbeat: Heartbeat, clock: Clock) -> None:
    assert heartbeat.beat() == min(INTERVAL, TIMEOUT)
    heartbeat.add(Client())
    clock.now += INTERVAL - 0.5
    assert heartbeat.beat() == pytest.approx(0.5)
