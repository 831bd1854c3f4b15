"""Erasing and expiring while other processes send, read and tell."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, select

from notifier import parts
from notifier.database import create_engine
from notifier.inbox import write
from notifier.models import messages
from notifier.operations import MarkRead, NewMessage, SetNotification
from notifier.publisher import MemoryPublisher
from notifier.retention import Erased, Expired, Retention
from notifier.stamps import LATEST
from notifier.store import Store
from tests.schema.traffic import USERS
from tests.support import ROOT, wait_until

ROUNDS = 4


@pytest.fixture
def store(engine: Engine) -> Store:
    store = Store(engine, MemoryPublisher())
    store.create_tables()
    return store


@pytest.fixture
def on_postgres(postgres_url: str) -> Iterator[Store]:
    store = Store(create_engine(postgres_url), MemoryPublisher())
    store.create_tables()
    yield store
    store.engine.dispose()


def url_of(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


@contextmanager
def traffic(url: str, processes: int) -> Iterator[list[int]]:
    """Other processes at work; afterwards, how much each of them wrote. They must not fail."""
    written: list[int] = []
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.schema.traffic", url],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(processes)
    ]
    try:
        assert [one.stdout and one.stdout.readline() for one in started] == ["ready\n"] * processes
        say(started)
        yield written
        say(started)
        for one in started:
            out, errors = one.communicate(timeout=60)
            assert one.returncode == 0, errors
            written.append(int(out))
    finally:
        for one in started:
            one.kill()
            one.communicate()


def say(processes: list[subprocess.Popen[str]]) -> None:
    for one in processes:
        assert one.stdin is not None
        # One that has failed is found out by its status.
        with suppress(BrokenPipeError):
            one.stdin.write("\n")
            one.stdin.flush()


def test_nothing_is_miscounted_deadlocked_or_refused(store: Store, database_url: str) -> None:
    # Nothing has to settle: an inbox is removed as soon as it is empty.
    retention = Retention(store, settled=0)
    deleted = removed = told = 0
    with traffic(database_url, processes=2) as written:
        for user in USERS[:ROUNDS]:
            retention.erase(user)
            expired = retention.expire(timedelta())
            deleted, removed = deleted + expired.messages, removed + expired.inboxes
            told += retention.expire_notifications(["order:*"], timedelta())
    assert min(deleted, removed, told, *written) > 0
    assert store.audit() == []


def test_an_inbox_is_not_removed_between_being_found_and_being_locked(
    on_postgres: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "_PAUSES", ())
    on_postgres.commit([NewMessage("alice", "x")])
    on_postgres.commit([MarkRead("alice", up_to=LATEST)])
    Retention(on_postgres).expire(timedelta())
    sender = Store(create_engine(url_of(on_postgres)), MemoryPublisher())
    tried: list[Expired] = []

    @event.listens_for(sender.engine, "before_cursor_execute")
    def before_locking(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FOR UPDATE" in statement and not tried:
            tried.append(Retention(on_postgres, settled=0).expire(timedelta()))

    # Of two kinds, since messages alone are written by a single statement.
    sender.commit([MarkRead("alice", up_to=LATEST), NewMessage("alice", "y")])
    sender.engine.dispose()
    assert tried == [Expired(messages=0, inboxes=0)]
    assert (on_postgres.badge("alice").count, on_postgres.audit()) == (1, [])


def waits_for_a_lock(store: Store) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with store.engine.connect() as connection:
        return bool(connection.exec_driver_sql(query).scalar())


@pytest.mark.parametrize("readers", [["alice"], ["bob", "carol"]])
def test_an_erasure_that_waits_for_a_reader_keeps_nothing_from_him(
    on_postgres: Store, readers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "_PAUSES", ())
    # The last reader's message comes first in the table, so it would be locked first.
    for user in reversed(readers):
        on_postgres.commit([NewMessage(user, "x", "alice")])
    other = Store(create_engine(url_of(on_postgres)), MemoryPublisher())
    erased: list[Erased] = []
    erasing = threading.Thread(target=lambda: erased.append(Retention(on_postgres).erase("alice")))
    last = f"'recipient_id_1': '{readers[-1]}'"

    @event.listens_for(other.engine, "before_cursor_execute")
    def before_the_last_one(*args: object) -> None:
        if "UPDATE messages" in str(args[2]) and last in str(args[3]):
            erasing.start()
            wait_until(lambda: waits_for_a_lock(on_postgres), message="the erasure waits")

    other.commit([MarkRead(user, up_to=LATEST) for user in readers])
    erasing.join(60)
    assert len(erased) == 1
    other.engine.dispose()


def test_what_somebody_holds_is_left_for_the_next_time(on_postgres: Store) -> None:
    sent = on_postgres.commit([NewMessage("alice", "x"), NewMessage("alice", "y")]).messages
    on_postgres.commit([MarkRead("alice", up_to=LATEST)])
    held = select(messages.c.id).where(messages.c.id == sent[0].id).with_for_update()
    with on_postgres.engine.begin() as connection:
        connection.execute(held)
        assert Retention(on_postgres).expire(timedelta()).messages == 1
    assert Retention(on_postgres).expire(timedelta()).messages == 1


def test_a_notification_that_is_being_told_again_is_left_alone(on_postgres: Store) -> None:
    for name in ("task:1", "task:2", "plan"):
        on_postgres.commit([SetNotification("alice", name, "old")])
    with on_postgres.engine.begin() as connection:
        write(connection, [SetNotification("alice", "task:1", "new")])
        assert Retention(on_postgres).expire_notifications(["task:*"], timedelta()) == 1
    told = [(one.name, one.data) for one in on_postgres.since("alice", 0)]
    assert (told, on_postgres.audit()) == ([("plan", "old"), ("task:1", "new")], [])


def test_a_notification_told_again_between_being_found_and_being_deleted_stays(
    on_postgres: Store,
) -> None:
    for name in ("task:1", "task:2"):
        on_postgres.commit([SetNotification("alice", name, "old")])
    again = [SetNotification("alice", "task:1", "new")]

    @event.listens_for(on_postgres.engine, "before_cursor_execute")
    def before_locking(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "SKIP LOCKED" in statement and again:
            on_postgres.commit([again.pop()])

    assert Retention(on_postgres).expire_notifications(["task:1"], timedelta()) == 0
    assert [one.data for one in on_postgres.since("alice", 0)] == ["old", "new"]


def test_two_erasures_of_one_user_at_once_both_end(store: Store) -> None:
    store.commit([NewMessage("alice", "x", "bob") for _ in range(700)])
    done: list[int] = []
    threads = [
        threading.Thread(target=lambda: done.append(Retention(store).erase("alice").messages))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(done) == 700
    assert (store.badge("alice").count, store.audit()) == (0, [])
