"""The messages API on what came: listing it, and marking it read."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from notifier import Notifier
from notifier.operations import Event
from tests.web.calls import MESSAGES, READ, problem, send


def test_the_inbox_pages_without_gap_or_repeat(notifier: Notifier, alice: FlaskClient) -> None:
    with notifier.transaction():
        for n in range(25):
            notifier.send("alice", f"message {n}")
    seen: list[str] = []
    query = "?limit=10"
    while page := alice.get(MESSAGES + query).json["messages"]:
        seen += [message["body"] for message in page]
        query = f"?limit=10&before={page[-1]['timestamp']!r}"
    assert seen == [f"message {n}" for n in reversed(range(25))]


def test_a_listed_message_has_every_member(bob: FlaskClient, alice: FlaskClient) -> None:
    sent = send(bob).json["messages"][0]
    [listed] = alice.get(MESSAGES).json["messages"]
    assert listed == {**sent, "from": "bob", "body": "hi", "read": False}


@pytest.mark.parametrize("limit", ["0", "101", "-1", "abc", "1e1", "", "1&limit=2", "9" * 30, "٣"])
def test_a_bad_limit_is_a_400(alice: FlaskClient, limit: str) -> None:
    assert problem(alice.get(f"{MESSAGES}?limit={limit}"))["field"] == "limit"


def test_a_bad_before_is_a_400(alice: FlaskClient) -> None:
    assert problem(alice.get(f"{MESSAGES}?before=nan"))["field"] == "before"


def test_marking_up_to_a_stamp_answers_the_new_count(
    bob: FlaskClient, alice: FlaskClient, events: list[Event]
) -> None:
    first, second = (send(bob).json["messages"][0] for _ in range(2))
    answer = alice.post(READ, json={"up_to": first["timestamp"]}).json
    assert answer == {"unread": 1, "timestamp": events[-1].polled()["timestamp"]}
    assert second["timestamp"] < answer["timestamp"]


def test_marking_by_ids_answers_the_new_count(bob: FlaskClient, alice: FlaskClient) -> None:
    sent = send(bob).json["messages"][0]
    assert alice.post(READ, json={"ids": [sent["id"]]}).json["unread"] == 0


def test_marking_again_changes_nothing(
    bob: FlaskClient, alice: FlaskClient, events: list[Event]
) -> None:
    up_to = send(bob).json["messages"][0]["timestamp"]
    answers = [alice.post(READ, json={"up_to": up_to}).json for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(events) == 2


def test_nobody_marks_another_users_messages(
    notifier: Notifier, bob: FlaskClient, alice: FlaskClient
) -> None:
    sent = send(bob).json["messages"][0]
    bob.post(READ, json={"ids": [sent["id"]]})
    assert notifier.unread_count("alice") == 1


BAD_MARKS: list[tuple[dict[str, Any], str]] = [
    ({}, "up_to"),
    ({"up_to": 1, "ids": [1]}, "up_to"),
    ({"up_to": "now"}, "up_to"),
    ({"up_to": -1}, "up_to"),
    ({"up_to": True}, "up_to"),
    ({"up_to": float("nan")}, "up_to"),
    ({"up_to": 1e300}, "up_to"),
    ({"ids": 5}, "ids"),
    ({"ids": ["1"]}, "ids"),
    ({"ids": [0]}, "ids"),
    ({"ids": [2**63]}, "ids"),
    ({"ids": [True]}, "ids"),
    ({"ids": list(range(1, 102))}, "ids"),
]


@pytest.mark.parametrize(("content", "field"), BAD_MARKS)
def test_a_bad_mark_is_named(alice: FlaskClient, content: object, field: str) -> None:
    answer = alice.post(READ, json=content)
    assert (answer.status_code, problem(answer)["field"]) == (422, field)
