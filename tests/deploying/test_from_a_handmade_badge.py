"""Moving over from a table and a count of one's own, as docs/from-a-handmade-badge.md has it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import IntegrityError

from notifier import Notifier
from tests.doctor.conftest import Host, host  # noqa: F401 -- a fixture
from tests.support import ROOT

OLD = """
CREATE TABLE message (
    id INTEGER PRIMARY KEY, recipient_id INTEGER NOT NULL, sender_id INTEGER,
    body TEXT NOT NULL, created_at TIMESTAMP NOT NULL, is_read BOOLEAN NOT NULL
)"""
ROWS = [
    (1, 1, 2, "first", "2024-05-01 10:00:00.250000", True),
    (2, 1, None, "third", "2024-05-01 10:00:00.750000", False),
    (3, 1, 2, "second", "2024-05-01 10:00:00.500000", False),
    (4, 2, 1, "the only one", "2024-05-01 10:00:00.500000", True),
    (5, 1, 2, "fourth", "2024-05-01 10:00:01", False),
]
INSERT = "INSERT INTO message VALUES (:id, :recipient, :sender, :body, :at, :read)"
STATEMENTS = {
    "postgresql": "from-a-handmade-badge/postgresql.sql",
    "sqlite": "from-a-handmade-badge/sqlite.sql",
}
NAMES = ("id", "recipient", "sender", "body", "at", "read")


@pytest.fixture
def notifier(host: Host, database_url: str) -> Notifier:  # noqa: F811
    """An app whose own table of messages has some rows, and which uses the notifier since."""
    notifier = host(DATABASE_URL=database_url)
    notifier.create_tables()
    with notifier.engine.begin() as connection:
        connection.execute(text(OLD))
        connection.execute(text(INSERT), [dict(zip(NAMES, row, strict=True)) for row in ROWS])
    with notifier.transaction():
        notifier.send(1, "new", sender=2)
    return notifier


def copy(notifier: Notifier) -> None:
    """Run the statements of the documentation, as they are: with BEGIN and COMMIT of their own."""
    script = (ROOT / "docs" / STATEMENTS[notifier.engine.dialect.name]).read_text()
    engine = create_engine(notifier.engine.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for statement in filter(str.strip, script.split(";")):
            connection.exec_driver_sql(statement)


def test_messages_keep_their_order_time_and_sender(notifier: Notifier) -> None:
    copy(notifier)
    notifier.audit(repair=True)
    found = notifier.list_messages(1)
    assert [one.body for one in found] == ["new", "fourth", "third", "second", "first"]
    assert [one.sender for one in found] == ["2", "2", None, "2", "2"]
    assert [one.read for one in found] == [False, False, False, False, True]
    assert int(found[-1].timestamp) == 1714557600


def test_the_audit_sets_every_counter_right(notifier: Notifier) -> None:
    copy(notifier)
    assert {one.user for one in notifier.audit()} == {"1", "2"}
    notifier.audit(repair=True)
    assert notifier.audit() == []
    assert (notifier.unread_count(1), notifier.unread_count(2)) == (4, 0)
    assert notifier.since(1)[-1].data == 4


def test_no_count_is_wrong_for_who_marks_old_messages_read_before_the_audit(
    notifier: Notifier,
) -> None:
    copy(notifier)
    assert (notifier.unread_count(1), notifier.unread_count(2)) == (4, 0)
    for user in (1, 2):
        with notifier.transaction():
            notifier.mark_read(user, up_to=1714557601.0)
    assert (notifier.unread_count(1), notifier.unread_count(2)) == (2, 0)


def test_a_user_who_had_only_old_messages_may_mark_them(notifier: Notifier) -> None:
    with notifier.engine.begin() as connection:
        connection.execute(text("UPDATE message SET is_read = false WHERE recipient_id = 2"))
    copy(notifier)
    with notifier.transaction():
        notifier.mark_read(2, up_to=4e9)
    assert (notifier.unread_count(2), notifier.since(2)[-1].data) == (0, 0)


def test_a_second_copy_is_refused_as_a_whole(notifier: Notifier) -> None:
    copy(notifier)
    with pytest.raises(IntegrityError):
        copy(notifier)
    assert len(notifier.list_messages(1)) == 5
    assert notifier.unread_count(1) == 4


def test_a_count_under_a_lock_is_exact(host: Host, postgres_url: str) -> None:  # noqa: F811
    notifier = host(DATABASE_URL=postgres_url)
    notifier.create_tables()
    with notifier.engine.begin() as connection:
        connection.execute(text("CREATE TABLE owner (id INTEGER); INSERT INTO owner VALUES (1)"))
        connection.execute(text("CREATE TABLE task (owner_id INTEGER)"))

    def add(_n: int) -> None:
        with notifier.transaction() as session:
            session.execute(text("SELECT id FROM owner WHERE id = 1 FOR UPDATE"))
            session.execute(text("INSERT INTO task VALUES (1)"))
            count = session.scalar(text("SELECT count(*) FROM task WHERE owner_id = 1"))
            notifier.notify(1, "open_tasks", count)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))
    assert notifier.since(1)[-1].data == 40
