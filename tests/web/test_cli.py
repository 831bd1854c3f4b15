"""``flask notifier …`` as a shell sees it."""

from __future__ import annotations

import json

import pytest
from click.testing import Result
from sqlalchemy import update

from notifier import Notifier
from notifier.models import inboxes
from notifier.operations import Event
from tests.web.conftest import Host


def run(notifier: Notifier, *arguments: str) -> Result:
    assert notifier.app is not None
    return notifier.app.test_cli_runner().invoke(args=["notifier", *arguments])


def test_init_db_can_be_repeated(notifier: Notifier) -> None:
    assert run(notifier, "init-db").exit_code == run(notifier, "init-db").exit_code == 0


def test_init_db_shows_no_password(host: Host) -> None:
    answer = run(host(DATABASE_URL="postgresql://me:hunter2@127.0.0.1:1/none"), "init-db")
    assert answer.exit_code == 1
    assert "hunter2" not in answer.output


def test_send_writes_and_publishes(notifier: Notifier, events: list[Event]) -> None:
    answer = run(notifier, "send", "alice", "hi", "--from", "bob")
    assert answer.stdout == "alice unread_message_count 1\n"
    assert notifier.list_messages("alice")[0].sender == "bob"
    assert [event.data for event in events] == [1]


def test_notify_takes_json(notifier: Notifier) -> None:
    run(notifier, "notify", "alice", "order", '{"n": [1, null]}')
    assert notifier.since("alice")[0].data == {"n": [1, None]}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("send", "nobody", "hi"), "no such user"),
        (("send", "alice", ""), "body: is empty"),
        (("notify", "alice", "order", "{"), "is not JSON"),
        (("notify", "alice", "Order", "1"), "name: must be"),
        (("notify", "nobody", "order", "1"), "no such user"),
    ],
)
def test_a_refusal_is_one_line_and_status_1(
    notifier: Notifier, arguments: tuple[str, ...], words: str
) -> None:
    answer = run(notifier, *arguments)
    assert answer.exit_code in (1, 2)
    assert words in answer.output
    assert "Traceback" not in answer.output


def test_token_prints_a_token_a_line_and_nothing_else(notifier: Notifier) -> None:
    lines = run(notifier, "token", "alice", "bob").output.splitlines()
    assert [notifier.identity.tokens.user(line) for line in lines] == ["alice", "bob"]


def test_audit_finds_nothing_wrong(notifier: Notifier) -> None:
    run(notifier, "send", "alice", "hi")
    answer = run(notifier, "audit")
    assert (answer.exit_code, answer.output) == (0, "0 wrong\n")


def test_audit_reports_and_repairs(notifier: Notifier) -> None:
    run(notifier, "send", "alice", "hi")
    with notifier.engine.begin() as connection:
        connection.execute(update(inboxes).values(unread=5))
    found = run(notifier, "audit")
    assert (found.exit_code, "alice: unread counter is 5, should be 1" in found.output) == (1, True)
    assert run(notifier, "audit", "--repair").exit_code == 0
    assert run(notifier, "audit").exit_code == 0


def test_missing_tables_say_what_to_do(host: Host, tmp_path: object) -> None:
    empty = host(DATABASE_URL=f"sqlite:///{tmp_path}/empty.db")
    with empty.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE messages")
    answer = run(empty, "send", "alice", json.dumps("hi"))
    assert answer.exit_code == 1
    assert "init-db" in answer.output
