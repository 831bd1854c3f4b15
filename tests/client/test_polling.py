"""Following a server that has no socket to give, and answers as a test tells it."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from notifier.client import CannotFollow, Event, Follower, driver, follow, polls
from notifier.errors import TokenError
from tests.client.fake import FakeServer, event
from tests.support import wait_until

SOON = {"Poll-Interval": "0.1"}


@contextlib.contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """The address of a server that has this talk with whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def follower(fake: FakeServer) -> Iterator[Follower]:
    with follow(fake.url, "token") as follower:
        yield follower


@pytest.mark.parametrize("status", [403, 404, 302])
def test_what_asking_again_does_not_cure_is_raised(fake: FakeServer, status: int) -> None:
    fake.answers = [(status, {"Location": "/elsewhere"}, {"detail": "no"})]
    with follow(fake.url, "token") as follower, pytest.raises(CannotFollow, match=str(status)):
        next(follower)


def test_a_url_that_once_was_right_is_asked_again(fake: FakeServer) -> None:
    fake.answers = [(200, SOON, [event(1)]), (404, {}, None), (200, SOON, [event(2, 2.0)])]
    with follow(fake.url, "token") as follower:
        assert [next(follower).data for _ in range(2)] == [1, 2]


def test_polls_ask_for_what_is_new_at_the_servers_pace(fake: FakeServer) -> None:
    fake.answers = [(200, SOON, [event(1)]), (200, SOON, [event(2, 2.5)])]
    with follow(fake.url, "token") as follower:
        assert [next(follower).data for _ in range(2)] == [1, 2]
    assert [path for path, _ in fake.asked] == [
        "/notifications?since=0.0",
        "/notifications?since=1.0",
    ]


def test_retry_after_is_honoured(fake: FakeServer) -> None:
    fake.answers = [(503, {"Retry-After": "1"}, None), (200, {}, [event(1)])]
    began = time.monotonic()
    with follow(fake.url, "token") as follower:
        next(follower)
    # Without it, the first retry comes within 0.15 s here.
    assert time.monotonic() - began >= 1


def test_a_page_that_is_no_answer_is_no_answer(fake: FakeServer) -> None:
    fake.answers = [(200, {}, {"not": "events"}), (200, {}, [event(1)])]
    with follow(fake.url, "token") as follower:
        assert next(follower) == Event("step", 1, 1.0)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'[{"name":"a","data":1,"timestamp":1' + b"0" * 400 + b"}]",
        b'[{"name":"a","data":1,"timestamp":NaN}]',
        b"\xff",
    ],
    ids=["too deep", "too large", "no number", "no text"],
)
def test_nonsense_is_no_answer(fake: FakeServer, body: bytes) -> None:
    fake.answers = [(200, {}, body), (200, {}, [event(1)])]
    with follow(fake.url, "token") as follower:
        assert next(follower) == Event("step", 1, 1.0)


def test_an_error_that_explains_itself_too_deeply_is_one(fake: FakeServer) -> None:
    fake.answers = [(500, {}, b"[" * 1_999), (200, {}, [event(1)])]
    with follow(fake.url, "token") as follower:
        assert next(follower).data == 1


def test_an_answer_that_never_begins_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polls, "FETCH_TIMEOUT", 0.5)
    monkeypatch.setattr(driver, "FETCH_BACKOFF", (0.1, 0.1))
    asked: list[bytes] = []

    def trickle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            asked.append(connection.recv(4096))
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while True:
                connection.sendall(b"x")
                time.sleep(0.05)

    with listening(trickle) as url, follow(url, "token") as follower:
        wait_until(lambda: sum(b"since" in one for one in asked) >= 2, 20, "it asks again")
        assert follower.state == "offline"


def test_a_token_that_is_refused_twice_is_raised(fake: FakeServer) -> None:
    fake.answers = [(401, {}, {"detail": "too old"})]
    tokens = iter(["one", "two", "three"])
    with (
        follow(fake.url, lambda: next(tokens)) as follower,
        pytest.raises(TokenError, match="too old"),
    ):
        next(follower)
    assert fake.tokens == ["one", "two"]


def test_what_the_token_function_raises_is_raised(fake: FakeServer) -> None:
    def bring() -> str:
        raise LookupError("no such account")

    with follow(fake.url, bring) as follower, pytest.raises(LookupError, match="account"):
        next(follower)


def test_a_token_function_without_a_network_is_asked_again(fake: FakeServer) -> None:
    fake.answers = [(200, {}, [event(1)])]
    said = iter([ConnectionError("down"), ConnectionError("down")])

    def bring() -> str:
        for error in said:
            raise error
        return "token"

    with follow(fake.url, bring) as follower:
        assert next(follower).data == 1


def test_a_token_does_not_follow_a_redirect(fake: FakeServer) -> None:
    with FakeServer() as elsewhere:
        fake.answers = [(302, {"Location": f"{elsewhere.url}/notifications"}, None)]
        with follow(fake.url, "token") as follower, pytest.raises(CannotFollow):
            next(follower)
        assert elsewhere.asked == []


def test_an_outage_is_logged_once(fake: FakeServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "notifier.client")
    fake.answers = [(500, {}, None)]
    with follow(fake.url, "token"):
        wait_until(lambda: len(fake.asked) >= 3, message="it tries again")
    assert [record.getMessage().count("will go on trying") for record in caplog.records] == [1]


def test_a_missing_socket_is_logged_once_while_polls_work(
    fake: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "notifier.client")
    fake.answers = [(200, SOON, [])]
    with follow(fake.url, "token") as follower:
        wait_until(lambda: len(fake.asked) >= 3, 20, message="it polls")
        assert follower.state == "polling"
    assert ["no socket" in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize(
    "url", [*("ftp://host", "host", "https://", "https://h/?q"), "http://u:p@h", "http://h:p"]
)
def test_a_url_that_names_no_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"http|Port"):
        follow(url, "token")


def test_a_prefix_of_the_url_is_in_front_of_the_paths(fake: FakeServer) -> None:
    with follow(f"{fake.url}/under/", "token", poll_path="/feed"):
        wait_until(lambda: fake.asked)
    assert fake.asked[0][0].startswith("/under/feed?since=")
