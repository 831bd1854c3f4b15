"""What programs and users may send over HTTP, and what they are answered."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from notifier import Notifier
from notifier.apikeys import ApiKeys
from notifier.operations import Badge, Event, SetNotification, Written
from notifier.web.producers import notified
from tests.producers.conftest import MESSAGES, NOTIFICATIONS, Program, problem


@pytest.mark.parametrize("sender", ["bob", "the shop", None])
def test_a_program_sends_to_anyone_from_anyone_or_nobody(
    notifier: Notifier, shop: Program, sender: str | None
) -> None:
    answer = shop.post(MESSAGES, {"to": ["alice", "carol"], "body": "hi", "from": sender})
    assert answer.status_code == 201
    assert [one["to"] for one in answer.json["messages"]] == ["alice", "carol"]
    assert notifier.list_messages("carol")[0].sender == sender


def test_a_program_need_not_say_from_whom(notifier: Notifier, shop: Program) -> None:
    shop.send()
    assert notifier.list_messages("alice")[0].sender is None


def test_a_user_still_sends_as_himself(notifier: Notifier, bob: Program) -> None:
    assert bob.send().status_code == 201
    assert notifier.list_messages("alice")[0].sender == "bob"
    answer = bob.post(MESSAGES, {"to": "alice", "body": "hi", "from": None})
    assert problem(answer)["field"] == "from"


def test_a_program_sets_notifications(
    notifier: Notifier, shop: Program, events: list[Event]
) -> None:
    answer = shop.notify(["alice", "carol"], {"state": "shipped"})
    assert answer.status_code == 201
    assert answer.json["notifications"] == [
        {"to": event.user, "name": "order", "timestamp": event.polled()["timestamp"]}
        for event in events
    ]
    assert notifier.since("carol")[0].data == {"state": "shipped"}


def test_the_timestamp_is_that_of_the_value_whatever_else_was_committed_with_it() -> None:
    events = [Event("alice", "order", 1, 5), Event("alice", "other", 1, 6)]
    written = Written([], events, {"alice": Badge(0, 6)})
    answer: Any = notified([SetNotification("alice", "order", 1)], "order", written)
    assert answer["notifications"][0]["timestamp"] == 5e-6


def test_a_value_that_is_there_already_is_told_at_the_head(
    notifier: Notifier, shop: Program, events: list[Event]
) -> None:
    shop.notify()
    shop.send()
    answer = shop.notify()
    assert answer.json["notifications"][0]["timestamp"] == notifier.head("alice")
    assert len(events) == 2


def test_a_user_sets_no_notifications(notifier: Notifier, bob: Program) -> None:
    answer = bob.notify("bob")
    assert "API key" in problem(answer)["detail"]
    assert (answer.status_code, notifier.since("bob")) == (403, [])


@pytest.mark.parametrize("scope", ["messages", "notifications"])
def test_a_key_writes_what_its_scope_says(notifier: Notifier, keys: ApiKeys, scope: str) -> None:
    program = Program(notifier, keys.make("narrow", [scope]))
    answers = {"messages": program.send(), "notifications": program.notify()}
    assert answers.pop(scope).status_code == 201
    [(other, refused)] = answers.items()
    assert (refused.status_code, repr(other) in problem(refused)["detail"]) == (403, True)


@pytest.mark.parametrize("path", ["/notifications", MESSAGES])
def test_a_program_has_no_inbox(shop: Program, path: str) -> None:
    answer = shop.get(path)
    assert answer.status_code == 401
    assert "has no inbox" in problem(answer)["detail"]


@pytest.mark.parametrize("path", ["/notifications", MESSAGES])
def test_a_stranger_is_told_what_to_show(notifier: Notifier, path: str) -> None:
    assert notifier.app is not None
    answer = notifier.app.test_client().get(path)
    assert (problem(answer)["status"], answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_key_that_is_no_good_is_a_401_with_a_challenge(notifier: Notifier) -> None:
    answer = Program(notifier, "nk_0_0").send()
    assert problem(answer)["status"] == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_database_that_cannot_serve_is_not_taken_for_a_bad_key(
    notifier: Notifier, shop: Program
) -> None:
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY  # type: ignore[misc]

    def refuse(*_arguments: object) -> None:
        raise OperationalError("", {}, busy)

    event.listen(notifier.engine, "before_cursor_execute", refuse)
    answer = shop.send()
    event.remove(notifier.engine, "before_cursor_execute", refuse)
    assert (problem(answer)["status"], "Retry-After" in answer.headers) == (503, True)
    assert shop.send().status_code == 201


BAD: list[tuple[dict[str, Any], str, int]] = [
    ({"to": "alice", "name": "order"}, "data", 422),
    ({"to": "alice", "name": "Order", "data": 1}, "name", 422),
    ({"to": "alice", "name": "connect", "data": 1}, "name", 422),
    ({"to": "alice", "name": "unread_message_count", "data": 1}, "name", 422),
    ({"to": "alice", "name": ["order"], "data": 1}, "name", 422),
    ({"to": "alice", "name": "order", "data": "x" * 20_000}, "data", 422),
    ({"to": "alice", "name": "order", "data": float("nan")}, "data", 422),
    ({"to": [], "name": "order", "data": 1}, "to", 422),
    ({"to": ["alice", "nobody"], "name": "order", "data": 1}, "to", 404),
    ({"to": "alice", "name": "order", "data": 1, "ttl": 5}, "ttl", 422),
]


@pytest.mark.parametrize(("content", "field", "status"), BAD)
def test_a_bad_field_is_named_and_nothing_is_written(
    notifier: Notifier, shop: Program, content: object, field: str, status: int
) -> None:
    answer = shop.post(NOTIFICATIONS, content)
    assert (answer.status_code, problem(answer)["field"]) == (status, field)
    assert notifier.since("alice") == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", MESSAGES, "GET, HEAD, OPTIONS, POST"),
        ("GET", NOTIFICATIONS, "OPTIONS, POST"),
        ("POST", "/notifications", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_a_problem_too(
    notifier: Notifier, method: str, path: str, allowed: str
) -> None:
    assert notifier.app is not None
    answer = notifier.app.test_client().open(path, method=method)
    assert (problem(answer)["status"], answer.headers["Allow"]) == (405, allowed)


def test_options_tells_the_methods(notifier: Notifier) -> None:
    assert notifier.app is not None
    answer = notifier.app.test_client().options(NOTIFICATIONS)
    assert (answer.status_code, set(answer.allow)) == (200, {"OPTIONS", "POST"})


def test_other_paths_of_the_host_refuse_methods_as_before(notifier: Notifier) -> None:
    assert notifier.app is not None
    answer = notifier.app.test_client().post("/page")
    assert (answer.status_code, answer.mimetype) == (405, "text/html")
