"""``GET /notifications?since=``: the answers of the wire contract, one by one."""

from __future__ import annotations

import json
from collections.abc import Callable

import flask
import pytest
from flask.sessions import NullSession, SessionMixin
from flask.testing import FlaskClient

from notifier import Notifier
from notifier.models import UNREAD
from notifier.web.callers import _WRITES
from tests.web.conftest import Host, client_of

POLL = "/notifications"


@pytest.fixture
def stamps(notifier: Notifier) -> list[float]:
    """The timestamps of three notifications of alice, ascending."""
    for name in ("a", "b", "c"):
        with notifier.transaction():
            notifier.notify("alice", name, {"is": name})
    return [event.polled()["timestamp"] for event in notifier.since("alice")]


def names(client: FlaskClient, query: str) -> list[str]:
    answer = client.get(f"{POLL}{query}")
    assert answer.status_code == 200
    return [event["name"] for event in answer.json or []]


@pytest.mark.parametrize("query", ["", "?since=0", "?since=0.0", "?since=.5", "?since=1."])
def test_from_the_beginning_everything_comes(
    alice: FlaskClient, stamps: list[float], query: str
) -> None:
    assert names(alice, query) == ["a", "b", "c"]


def test_an_event_has_exactly_three_members(alice: FlaskClient, stamps: list[float]) -> None:
    first = alice.get(POLL).json[0]
    assert first == {"name": "a", "data": {"is": "a"}, "timestamp": stamps[0]}


def test_since_a_stamp_the_rest_comes(alice: FlaskClient, stamps: list[float]) -> None:
    assert names(alice, f"?since={stamps[0]}") == ["b", "c"]


def test_since_the_head_nothing_comes(alice: FlaskClient, stamps: list[float]) -> None:
    assert names(alice, f"?since={stamps[-1]}") == []


def test_between_two_stamps_the_later_comes(alice: FlaskClient, stamps: list[float]) -> None:
    assert names(alice, f"?since={(stamps[1] + stamps[2]) / 2:.7f}") == ["c"]


def test_above_the_head_everything_comes(alice: FlaskClient, stamps: list[float]) -> None:
    assert names(alice, f"?since={stamps[-1] + 3600}") == ["a", "b", "c"]


def test_a_timestamp_survives_the_way_through_json(alice: FlaskClient, stamps: list[float]) -> None:
    text = alice.get(POLL).get_data(as_text=True)
    last = json.loads(text)[-1]["timestamp"]
    assert names(alice, f"?since={last!r}") == []


REFUSED = [
    *("nan", "inf", "-inf", "Infinity", "-1", "1e400", "1e9", "abc", "", "%20", "+1", "0x10"),
    *("1,5", "1_000", "4102444801", "1" * 10_000, "0." + "1" * 10_000, "%00", "%F0%9F%98%80"),
    *("%D9%A1", "1.2.3", "."),
]


@pytest.mark.parametrize("since", REFUSED, ids=lambda text: text[:12] or "empty")
def test_what_is_no_plain_decimal_number_is_a_400(alice: FlaskClient, since: str) -> None:
    answer = alice.get(f"{POLL}?since={since}")
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json(force=True)["field"] == "since"


def test_a_repeated_since_is_a_400(alice: FlaskClient) -> None:
    assert alice.get(f"{POLL}?since=1&since=2").status_code == 400


def test_a_stranger_gets_a_401_and_no_redirect(notifier: Notifier) -> None:
    answer = client_of(notifier).get(POLL)
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"


def test_a_user_sees_only_his_own(bob: FlaskClient, stamps: list[float]) -> None:
    assert names(bob, "") == []


def test_a_poll_is_not_stored_and_tells_the_pace(host: Host) -> None:
    answer = client_of(host(NOTIFIER_POLL_INTERVAL=7.5), "alice").get(POLL)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Poll-Interval"] == "7.5"


def test_a_poll_does_not_refresh_a_permanent_session(alice: FlaskClient) -> None:
    assert "Set-Cookie" in alice.get("/sign-in/alice").headers
    assert "Set-Cookie" not in alice.get(POLL).headers


WRITES: dict[str, Callable[[SessionMixin], object]] = {
    "set": lambda session: session.__setitem__("seen", True),
    "delete": lambda session: session.__delitem__("given"),
    "clear": lambda session: session.clear(),
    "pop": lambda session: session.pop("seen", None),
    "popitem": lambda session: session.popitem(),
    "setdefault": lambda session: session.setdefault("seen", []),
    "update": lambda session: session.update(seen=True),
    "merge": lambda session: session.__ior__({"seen": True}),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_hooks_may_still_write_to_the_session_of_a_poll(
    notifier: Notifier, write: Callable[[SessionMixin], object]
) -> None:
    assert notifier.app is not None

    @notifier.app.after_request
    def remember(response: object) -> object:
        if flask.request.path == POLL:
            flask.session.setdefault("given", 1)
            write(flask.session)
        return response

    answer = client_of(notifier, "alice").get(POLL)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_a_session_that_is_not_saved_refuses_no_write() -> None:
    refused = NullSession.__setitem__
    names = {name for name in dir(NullSession) if getattr(NullSession, name) is refused}
    assert names == set(_WRITES)


def test_a_bearer_token_polls_too(notifier: Notifier, stamps: list[float]) -> None:
    headers = {"Authorization": f"Bearer {notifier.token('alice')}"}
    assert len(client_of(notifier).get(POLL, headers=headers).json) == 3


def test_a_bad_token_is_a_401_even_with_a_session(alice: FlaskClient) -> None:
    answer = alice.get(POLL, headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_the_tutorials_poller_runs_unchanged(notifier: Notifier, alice: FlaskClient) -> None:
    """It starts at 0, reads name, data and timestamp, and sends the last timestamp back."""
    since, badge = "0", None
    for n in (1, 2, 3):
        with notifier.transaction():
            notifier.send("alice", f"message {n}", sender="bob")
        for notification in alice.get(f"{POLL}?since={since}").json:
            if notification["name"] == UNREAD:
                badge = notification["data"]
            since = repr(notification["timestamp"])
        assert badge == n
