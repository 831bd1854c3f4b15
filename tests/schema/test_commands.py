"""The commands that make, upgrade and empty the tables, as a shell sees them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import flask
import pytest
from click.testing import Result
from sqlalchemy import inspect, text

from notifier import Notifier
from notifier.schema import REVISIONS, VERSION_TABLE
from tests.schema.conftest import Load

NEWEST = REVISIONS[-1]

Run = Callable[..., Result]


@pytest.fixture
def notifier(database_url: str) -> Iterator[Notifier]:
    app = flask.Flask("host")
    app.config.update(SECRET_KEY="test", DATABASE_URL=database_url)
    notifier = Notifier(app)
    yield notifier
    notifier.stop(1)
    notifier.engine.dispose()


@pytest.fixture
def run(notifier: Notifier) -> Run:
    assert notifier.app is not None
    runner = notifier.app.test_cli_runner()
    return lambda *arguments: runner.invoke(args=["notifier", *arguments])


@pytest.fixture
def ready(notifier: Notifier) -> Notifier:
    notifier.create_tables()
    with notifier.transaction():
        notifier.send("alice", "hi", sender="bob")
    return notifier


def state(notifier: Notifier) -> tuple[int, str]:
    assert notifier.app is not None
    answer = notifier.app.test_client().get("/readyz")
    assert answer.json is not None
    return answer.status_code, answer.json["database"]


def test_upgrade_says_what_it_did(run: Run, load: Load) -> None:
    load("0.1")
    assert f"went from no revision to {NEWEST}" in run("upgrade").output
    again = run("upgrade")
    assert (again.exit_code, f"at revision {NEWEST} already" in again.output) == (0, True)


def test_init_db_upgrades_too(run: Run, load: Load, notifier: Notifier) -> None:
    load("0.1")
    assert run("init-db").exit_code == 0
    assert (notifier.store.revision(), notifier.unread_count("alice")) == (NEWEST, 2)


@pytest.mark.parametrize("command", ["init-db", "upgrade"])
def test_a_foreign_table_is_one_line_and_status_1(
    run: Run, notifier: Notifier, command: str
) -> None:
    with notifier.engine.begin() as connection:
        connection.execute(text("CREATE TABLE messages (id INTEGER, subject TEXT)"))
    answer = run(command)
    assert (answer.exit_code, answer.output.count("\n")) == (1, 1)
    assert "'messages'" in answer.output
    assert inspect(notifier.engine).get_table_names() == ["messages"]


def test_readiness_tells_of_older_tables_once_until_they_are_upgraded(
    run: Run, load: Load, notifier: Notifier, caplog: pytest.LogCaptureFixture
) -> None:
    load("0.1")
    assert state(notifier) == state(notifier) == (503, "outdated")
    assert caplog.text.count("flask notifier upgrade") == 1
    run("upgrade")
    assert state(notifier) == (200, "ok")


def test_readiness_tells_of_missing_tables(notifier: Notifier) -> None:
    assert state(notifier) == (503, "unprepared")


def test_an_older_revision_is_outdated(notifier: Notifier, ready: Notifier) -> None:
    with notifier.engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0001'"))
    assert state(notifier) == (503, "outdated")


def test_old_workers_serve_on_while_a_newer_version_is_deployed(
    notifier: Notifier, ready: Notifier, caplog: pytest.LogCaptureFixture
) -> None:
    with notifier.engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    assert state(notifier) == (200, "ok")
    assert "newer than this version (9999" in caplog.text


def test_a_worker_tells_of_older_tables_when_it_starts(
    load: Load, notifier: Notifier, caplog: pytest.LogCaptureFixture
) -> None:
    load("0.1")
    notifier.start()
    assert "older than this version" in caplog.text


def test_erase_tells_what_is_left(run: Run, ready: Notifier) -> None:
    answer = run("erase", "alice", "nobody")
    assert answer.output.splitlines() == [
        "alice: 1 messages and 0 notifications deleted, 0 sent messages without sender now",
        "alice: an empty inbox is left; `expire` removes it after a day",
        "nobody: 0 messages and 0 notifications deleted, 0 sent messages without sender now",
    ]
    assert ready.list_messages("alice") == []


@pytest.mark.parametrize(
    ("arguments", "deleted"),
    [
        (("--older-than", "90d"), 0),
        (("--older-than", "0h"), 1),
        (("--read-before", "2026-01-31"), 0),
    ],
)
def test_expire_takes_an_age_or_a_date(
    run: Run, ready: Notifier, arguments: tuple[str, ...], deleted: int
) -> None:
    with ready.transaction():
        ready.mark_read("alice", up_to=ready.head("alice"))
    answer = run("expire", *arguments)
    assert answer.output == f"{deleted} read messages and 0 empty inboxes deleted\n"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--older-than", "90"),
        ("--read-before", "yesterday"),
        ("--older-than", "1d", "--read-before", "2026-01-31"),
    ],
)
def test_a_time_that_cannot_be_read_deletes_nothing(run: Run, arguments: tuple[str, ...]) -> None:
    answer = run("expire", *arguments)
    assert (answer.exit_code, "Traceback" in answer.output) == (2, False)


def test_a_time_to_come_is_refused(run: Run, ready: Notifier) -> None:
    with ready.transaction():
        ready.mark_read("alice", up_to=ready.head("alice"))
    answer = run("expire", "--read-before", "2099-01-31T12:00+01:00")
    assert answer.exit_code == 1
    assert "must not be in the future" in answer.output


def test_export_prints_json_lines_and_nothing_else(run: Run, ready: Notifier) -> None:
    lines = [json.loads(line) for line in run("export", "alice").stdout.splitlines()]
    assert [line["type"] for line in lines] == ["message", "notification"]
    assert lines[0]["from"] == "bob"


def test_expire_notifications_takes_names_and_a_time(run: Run, ready: Notifier) -> None:
    for task in range(3):
        with ready.transaction():
            ready.notify("alice", f"task:{task}", "done")
    answer = run("expire-notifications", "task:*", "plan", "--older-than", "0h")
    assert answer.output == "2 notifications deleted\n"
    assert [event.name for event in ready.since("alice")] == ["unread_message_count", "task:2"]


@pytest.mark.parametrize("name", ["*", "Task:*", "a*b", ""])
def test_names_that_mean_nothing_are_refused(run: Run, ready: Notifier, name: str) -> None:
    answer = run("expire-notifications", name, "--told-before", "2026-01-31")
    assert answer.exit_code == 1
    assert "neither a name nor the beginning of one" in answer.output


def test_expire_notifications_needs_a_time(run: Run, ready: Notifier) -> None:
    answer = run("expire-notifications", "task:*")
    assert (answer.exit_code, "--told-before" in answer.output) == (2, True)
