"""What comes over a socket, from a server that says what a test tells it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

import pytest

from notifier.client import Event, follow, live
from notifier.client.credentials import Credentials
from notifier.client.driver import Driver
from notifier.client.outbox import Outbox
from notifier.client.server import Server
from notifier.errors import TokenRevoked
from tests.client.fake import FakeServer, Peer, event, push
from tests.support import wait_until


@pytest.fixture
def go() -> Iterator[threading.Event]:
    """What a talk waits for; set at the end in any case."""
    go = threading.Event()
    yield go
    go.set()


def settled(fake: FakeServer) -> None:
    wait_until(lambda: fake.asked, message="the first poll")


def test_a_push_that_follows_needs_no_poll(fake: FakeServer, go: threading.Event) -> None:
    def talk(peer: Peer) -> None:
        peer.sign_in()
        go.wait(10)
        peer.emit("step", push(2, 2.0, previous=1.0))
        peer.wait()

    fake.answers = [(200, {}, [event(1)])]
    fake.talks = [talk]
    with follow(fake.url, "token") as follower:
        assert next(follower).data == 1
        go.set()
        assert next(follower) == Event("step", 2, 2.0)
        assert follower.get(0.3) is None
    assert fake.sinces == [0.0]


def test_pushes_may_overtake_each_other_within_the_grace(
    fake: FakeServer, go: threading.Event
) -> None:
    def talk(peer: Peer) -> None:
        peer.sign_in(head=0.0)
        go.wait(10)
        peer.emit("other", push(3, 3.0, previous=2.0, name="other"))
        peer.emit("step", push(2, 2.0, previous=0.0))
        peer.wait()

    fake.talks = [talk]
    with follow(fake.url, "token") as follower:
        settled(fake)
        wait_until(lambda: follower.state == "live")
        go.set()
        assert [next(follower).data for _ in range(2)] == [3, 2]
        assert follower.get(0.3) is None
    assert fake.sinces == [0.0]


def test_a_push_that_skips_one_is_followed_by_a_poll(fake: FakeServer, go: threading.Event) -> None:
    def talk(peer: Peer) -> None:
        peer.sign_in()
        go.wait(10)
        peer.emit("other", push(3, 3.0, previous=2.0, name="other"))
        peer.wait()

    lost, seen = event(2, 2.0), event(3, 3.0, name="other")
    fake.answers = [(200, {}, [event(1)]), (200, {}, [lost, seen])]
    fake.talks = [talk]
    with follow(fake.url, "token") as follower:
        assert next(follower).data == 1
        go.set()
        assert [next(follower).data for _ in range(2)] == [3, 2]
    assert fake.sinces == [0.0, 1.0]


def test_a_head_below_the_cursor_asks_for_everything(fake: FakeServer, go: threading.Event) -> None:
    def talk(peer: Peer) -> None:
        peer.sign_in()
        go.wait(10)
        peer.emit("head", {"timestamp": 1.0})
        peer.wait()

    older = [event("older", 1.0)]
    fake.answers = [(200, {}, [event("newer", 2.0)]), (200, {}, older)]
    fake.talks = [talk]
    with follow(fake.url, "token") as follower:
        assert next(follower).data == "newer"
        go.set()
        assert next(follower).data == "older"
    assert fake.sinces == [0.0, 0.0]


def test_what_is_none_of_ours_is_passed_over(fake: FakeServer) -> None:
    def talk(peer: Peer) -> None:
        peer.sign_in()
        for text in ('42/other,["step",{}]', "6", "2probe", '42["step"]', '42["head",null]'):
            peer.send(text)
        peer.emit("step", {**push(1, 1.0, previous=0.0), "name": "another"})
        peer.emit("step", push(2, 2.0, previous=0.0))
        peer.wait()

    fake.talks = [talk]
    with follow(fake.url, "token") as follower:
        assert next(follower).data == 2


def test_heartbeats_are_answered(fake: FakeServer) -> None:
    answers: list[str] = []

    def talk(peer: Peer) -> None:
        peer.sign_in()
        peer.send("2")
        answers.append(peer.receive())

    fake.talks = [talk]
    with follow(fake.url, "token"):
        wait_until(lambda: answers)
    assert answers == ["3"]


def test_a_socket_follows_no_redirect(fake: FakeServer) -> None:
    def talk(peer: Peer) -> None:
        peer.sign_in()
        peer.wait()

    with FakeServer() as elsewhere:
        elsewhere.talks = [talk]
        fake.moved = elsewhere.url.replace("http", "ws")
        with follow(fake.url, "token") as follower:
            wait_until(lambda: fake.turned_away)
            assert follower.get(0.3) is None
        assert elsewhere.talks == [talk]


@pytest.mark.parametrize("end", ["1", "41"])
def test_a_socket_that_the_server_ends_is_opened_again(fake: FakeServer, end: str) -> None:
    def first(peer: Peer) -> None:
        peer.sign_in()
        peer.send(end)
        peer.wait()

    def second(peer: Peer) -> None:
        peer.sign_in()
        peer.emit("step", push(1, 1.0, previous=0.0))
        peer.wait()

    fake.talks = [first, second]
    with follow(fake.url, "token") as follower:
        assert next(follower).data == 1


def test_a_refused_socket_gets_another_token(fake: FakeServer) -> None:
    tokens, brought = ["old", "new"], iter(["old", "new"])
    sent: list[str] = []

    def second(peer: Peer) -> None:
        sent.append(peer.sign_in(head=0.0))
        peer.wait()

    fake.talks = [lambda peer: sent.append(peer.refuse("expired")), second]
    with follow(fake.url, lambda: next(brought)) as follower:
        wait_until(lambda: follower.state == "live")
    assert sent == tokens


def test_a_socket_refused_for_its_only_token_is_raised(fake: FakeServer) -> None:
    fake.talks = [lambda peer: peer.refuse("revoked")]
    with follow(fake.url, "token") as follower, pytest.raises(TokenRevoked, match="revoked"):
        list(follower)


def test_a_socket_that_tells_nothing_of_ours_does_not_count(
    fake: FakeServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talk(peer: Peer) -> None:
        peer.sign_in()
        peer.emit("news", {"of": "the host's own"})
        peer.wait()

    monkeypatch.setattr(live, "CONNECT_TIMEOUT", 0.1)
    fake.talks, fake.answers = [talk], [(200, {"Poll-Interval": "0.1"}, [])]
    with follow(fake.url, "token") as follower:
        wait_until(lambda: caplog.records, 20, "it says what is missing")
        assert follower.state == "polling"
    assert ["is `namespace` right?" in one.getMessage() for one in caplog.records] == [True]


def test_a_head_that_comes_late_still_makes_a_socket(
    fake: FakeServer, go: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talk(peer: Peer) -> None:
        peer.sign_in()
        go.wait(10)
        peer.emit("head", {"timestamp": 0})
        peer.wait()

    monkeypatch.setattr(live, "CONNECT_TIMEOUT", 0.1)
    fake.talks, fake.answers = [talk], [(200, {"Poll-Interval": "0.1"}, [])]
    with follow(fake.url, "token") as follower:
        wait_until(lambda: len(fake.asked) >= 3, 20, "it polls")
        go.set()
        wait_until(lambda: follower.state == "live", 20, "the socket counts")


@pytest.mark.parametrize(
    "opening",
    [
        f'0{{"pingInterval":1{"0" * 400},"pingTimeout":1}}',
        "0" + "[" * 60_000,
    ],
    ids=["large", "deep"],
)
def test_a_socket_that_opens_with_nonsense_ends_nothing(fake: FakeServer, opening: str) -> None:
    def nonsense(peer: Peer) -> None:
        peer.send(opening)
        peer.wait()

    def sense(peer: Peer) -> None:
        peer.sign_in()
        peer.emit("step", push(1, 1.0, previous=0.0))
        peer.wait()

    fake.talks = [nonsense, sense]
    with follow(fake.url, "token") as follower:
        assert next(follower).data == 1


def test_a_server_without_room_for_a_socket_is_polled(
    fake: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "notifier.client")
    fake.talks = [lambda peer: peer.refuse("too_many")]
    fake.answers = [(200, {"Poll-Interval": "0.1"}, [])]
    with follow(fake.url, "token") as follower:
        wait_until(lambda: len(fake.asked) >= 3, 20)
        assert follower.state == "polling"
    assert ["too_many" in record.getMessage() for record in caplog.records] == [True]


@pytest.fixture
def connected() -> Driver:
    """A driver that does not run and has a socket, after polls that failed."""
    server = Server.at("http://h", poll_path="p", socket_path="s", namespace="/", context=None)
    driver = Driver(server, Credentials("token"), Outbox())
    driver._loop.after("retry", 60, pytest.fail)
    driver._live.connected = True
    driver._connection_changed()
    return driver


def test_a_socket_ends_the_wait_after_failed_polls(connected: Driver) -> None:
    assert not connected._loop.waits_for("retry")


def test_a_server_that_says_something_hastens_the_wait_after_failed_polls(
    connected: Driver,
) -> None:
    connected._loop.after("retry", 60, pytest.fail)
    connected._received("head", {"timestamp": 1.0})
    due, _ = connected._loop._timers["retry"]
    assert due - time.monotonic() <= 3


def test_with_a_socket_polls_are_rare(connected: Driver) -> None:
    assert connected._schedule.delay() > 50
