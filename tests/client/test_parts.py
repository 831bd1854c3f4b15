"""The parts of the client that need no server."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.client.credentials import Credentials
from notifier.client.live import Live
from notifier.client.loop import Loop
from notifier.client.outbox import Event, Outbox
from notifier.client.polls import _read
from notifier.client.schedule import Schedule
from notifier.client.server import Server
from notifier.client.timing import (
    RECONNECT_BACKOFF,
    backoff,
    interval_from,
    retry_after,
)
from notifier.client.wire import connect_packet, is_answer, is_head, is_push, open_terms, parse
from notifier.errors import TokenExpired
from tests.support import wait_until


def never_random() -> float:
    return 0.0


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def schedule(clock: Clock) -> Schedule:
    return Schedule(clock, never_random)


# -- the schedule -----------------------------------------------------------------------------


def test_without_a_socket_every_sixth_poll_is_full(schedule: Schedule) -> None:
    assert [schedule.fire() for _ in range(12)] == ([False] * 5 + [True]) * 2


def test_with_a_socket_there_is_a_full_poll_a_minute(schedule: Schedule) -> None:
    schedule.change(connected=True)
    assert (schedule.delay(), schedule.fire()) == (60.0, True)


def test_after_the_loss_of_a_socket_a_poll_comes_soon(schedule: Schedule, clock: Clock) -> None:
    schedule.change(connected=True)
    schedule.change(connected=False)
    clock.now += 1.5
    assert schedule.delay() == 0.5


def test_a_socket_that_comes_and_goes_does_not_put_off_a_poll(
    schedule: Schedule, clock: Clock
) -> None:
    for _ in range(3):
        schedule.change(connected=True)
        schedule.change(connected=False)
        clock.now += 1
    assert schedule.delay() == 0.0


def test_polls_keep_the_servers_pace(schedule: Schedule) -> None:
    schedule.pace(30.0)
    schedule.pace(None)
    assert schedule.delay() == 30.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("2.5", 2.5), ("0", None), ("4000", None), ("nan", None), ("soon", None), (None, None)],
)
def test_a_pace_must_make_sense(header: str | None, seconds: float | None) -> None:
    assert interval_from(header) == seconds


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("2", 2.0), ("9999999", 3600.0), ("-1", 0.0), ("nan", 0.0), ("Wed, 21 Oct 2015", 0.0)],
)
def test_retry_after_must_make_sense(header: str, seconds: float) -> None:
    assert retry_after(header) == seconds


@given(st.integers(0, 10**9), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_never_longer_than_the_most_and_half_of_it(attempt: int, luck: float) -> None:
    assert 0.25 <= backoff(RECONNECT_BACKOFF, attempt, lambda: luck) <= 4.5


# -- the outbox -------------------------------------------------------------------------------


def test_who_takes_his_time_finds_the_newest_of_each_name() -> None:
    outbox = Outbox()
    for number in range(1000):
        outbox.put(Event(f"name{number % 3}", number, float(number)))
    taken = [outbox.get(0) for _ in range(4)]
    assert [event and event.data for event in taken] == [997, 998, 999, None]


def test_an_error_comes_after_what_came_before_it() -> None:
    outbox = Outbox()
    outbox.put(Event("name", 1, 1.0))
    outbox.close(LookupError("gone"))
    assert outbox.get() == Event("name", 1, 1.0)
    for _ in range(2):
        with pytest.raises(LookupError):
            outbox.get()


def test_closing_drops_what_was_not_taken() -> None:
    outbox = Outbox()
    outbox.put(Event("name", 1, 1.0))
    outbox.close()
    assert outbox.get() is None


# -- tokens -----------------------------------------------------------------------------------


def test_a_token_that_was_accepted_may_be_refused_one_day() -> None:
    credentials = Credentials(iter(["one", "two", "three"]).__next__)
    for token in ("one", "two"):
        assert credentials.current() == token
        credentials.accepted(token)
        credentials.refused(token, TokenExpired())
    assert credentials.current() == "three"


def test_a_token_refused_over_both_ways_counts_once() -> None:
    credentials = Credentials(iter(["one", "two"]).__next__)
    token = credentials.current()
    credentials.refused(token, TokenExpired())
    credentials.refused(token, TokenExpired())
    assert credentials.current() == "two"


@pytest.mark.parametrize("token", ["", "two\nlines", "ünicode", None, 7])
def test_what_can_be_no_token_is_refused_at_once(token: Any) -> None:
    with pytest.raises(TypeError):
        Credentials(token)


# -- polls and sockets ------------------------------------------------------------------------


def test_an_answer_that_trickles_in_for_ever_is_given_up() -> None:
    response: Any = SimpleNamespace(read1=lambda _size: b"x")
    with pytest.raises(TimeoutError):
        _read(response, deadline=time.monotonic() + 0.05)


def test_a_socket_that_is_lost_at_once_was_no_success() -> None:
    loop = Loop(pytest.fail)
    server = Server.at("http://h", poll_path="p", socket_path="s", namespace="/", context=None)
    ignored: dict[str, Any] = dict.fromkeys(("changed", "received", "died"), lambda *_: None)
    live = Live(server, Credentials("token"), loop, **ignored)
    live._opened()
    live._works()
    assert (loop.waits_for("stable"), loop.waits_for("head")) == (True, False)
    live._ended(ConnectionError())
    assert (loop.waits_for("stable"), loop.waits_for("reconnect")) == (False, True)


# -- the loop ---------------------------------------------------------------------------------


def test_a_flood_does_not_hold_up_a_timer() -> None:
    loop, over = Loop(pytest.fail), threading.Event()

    def flood() -> None:
        if not over.is_set():
            loop.post(flood)

    loop.post(lambda: loop.after("end", 0.01, over.set))
    loop.post(flood)
    loop.start()
    assert over.wait(10)
    loop.stop(10)


def test_what_an_action_raises_is_handed_over() -> None:
    raised: list[BaseException] = []
    loop = Loop(raised.append)
    loop.post(lambda: [][0])
    loop.start()
    wait_until(lambda: raised)
    assert isinstance(raised[0], IndexError)


# -- the wire ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "namespace", "kind"),
    [
        ('42["x",{}]', "/", "42"),
        ('427["x",{}]', "/", "42"),
        ('42/n,["x",{}]', "/n", "42"),
        ('40/n,{"sid":"1"}', "/n", "40"),
        ("41/n", "/n", "41"),
        ("41/n,", "/n", "41"),
        ('42/other,["x",{}]', "/", None),
        ('42["x",{}]', "/n", None),
        ('42/nn,["x",{}]', "/n", None),
        ("6", "/", None),
        ("", "/", None),
    ],
)
def test_packets_of_our_namespace_are_read(text: str, namespace: str, kind: str | None) -> None:
    packet = parse(text, namespace)
    assert (packet and packet.kind) == kind


def test_the_token_goes_to_the_namespace() -> None:
    assert connect_packet("/", "t") == '40{"token": "t"}'
    assert connect_packet("/n", "t") == '40/n,{"token": "t"}'


SILENT, NOTHING = (f'0{{"pingInterval":{least},"pingTimeout":1}}' for least in ("-9", "NaN"))


def test_a_heartbeat_beyond_all_bounds_is_one_a_day() -> None:
    assert open_terms('0{"pingInterval":1e300,"pingTimeout":1}') == 86_400


@pytest.mark.parametrize(
    "text", ["", "0", "0[]", "0{}", "<html>", '0{"pingInterval":1}', SILENT, NOTHING]
)
def test_what_is_no_engine_io_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        open_terms(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "data", "timestamp", "previous"]), inner)
    ),
    max_leaves=8,
)


@given(json_values)
def test_whatever_comes_is_judged_and_nothing_breaks(value: object) -> None:
    for judge in (is_answer, is_head, lambda it: is_push(it, "x")):
        assert judge(value) in (True, False)


def test_an_answer_ascends() -> None:
    one, two = ({"name": "x", "data": 1, "timestamp": stamp} for stamp in (1.0, 2.0))
    assert is_answer([one, two])
    assert not is_answer([two, one])
    assert not is_answer([one, one])
