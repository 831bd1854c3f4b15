"""What is an outage, which passes by itself, and what a fault, which somebody must mend."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator

import pytest
from psycopg2 import errorcodes
from sqlalchemy import Engine

from notifier.database import create_engine, reader
from notifier.outages import is_missing_table, is_outage
from tests.faults.asking import ask, fails

RAISE = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{}'; END $$"


@pytest.mark.parametrize(
    "code",
    [
        errorcodes.SERIALIZATION_FAILURE,
        errorcodes.DEADLOCK_DETECTED,
        errorcodes.LOCK_NOT_AVAILABLE,
        errorcodes.QUERY_CANCELED,
        errorcodes.DISK_FULL,
        errorcodes.TOO_MANY_CONNECTIONS,
        errorcodes.CANNOT_CONNECT_NOW,
        errorcodes.READ_ONLY_SQL_TRANSACTION,
    ],
    ids=errorcodes.lookup,
)
def test_what_may_pass_by_itself_is_an_outage(engine: Engine, code: str) -> None:
    assert is_outage(fails(engine, RAISE.format(code)))


@pytest.mark.parametrize(
    "code",
    [errorcodes.INSUFFICIENT_PRIVILEGE, errorcodes.DIVISION_BY_ZERO, errorcodes.UNIQUE_VIOLATION],
    ids=errorcodes.lookup,
)
def test_what_somebody_must_mend_is_a_fault(engine: Engine, code: str) -> None:
    assert not is_outage(fails(engine, RAISE.format(code)))


def test_a_missing_table_is_a_fault_on_postgresql(engine: Engine) -> None:
    failure = fails(engine, "SELECT * FROM inboxes")
    assert (is_outage(failure), is_missing_table(failure)) == (False, True)


def test_a_missing_table_is_a_fault_on_sqlite(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    failure = fails(engine, "SELECT * FROM inboxes")
    engine.dispose()
    assert (is_outage(failure), is_missing_table(failure)) == (False, True)


def test_a_database_that_cannot_be_opened_is_an_outage() -> None:
    assert is_outage(fails(create_engine("sqlite:////nowhere/at/all.db")))


@contextlib.contextmanager
def locked(url: str, how: str) -> Iterator[None]:
    """The lock of another program on the file."""
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE" if how == "EXCLUSIVE" else "SELECT 1")
    other.execute(f"BEGIN {how}")
    other.execute("CREATE TABLE IF NOT EXISTS theirs (x)")
    yield
    other.rollback()
    other.close()


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_locked_file_is_an_outage(sqlite_url: str, how: str) -> None:
    engine = create_engine(sqlite_url, busy_timeout=0.2)
    ask(engine, "SELECT 1")
    engine.dispose()
    with locked(sqlite_url, how):
        assert is_outage(fails(engine))
    assert ask(engine, "SELECT 1") == 1
    engine.dispose()


def test_readers_do_not_wait_for_a_writer(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url, busy_timeout=0.2)
    ask(engine, "SELECT 1")
    with locked(sqlite_url, "IMMEDIATE"):
        assert ask(reader(engine), "SELECT 1") == 1
    engine.dispose()


def test_whoever_waits_for_a_lock_gets_it_when_it_is_free(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url, busy_timeout=30)
    ask(engine, "SELECT 1")
    waiting = threading.Thread(target=ask, args=(engine, "SELECT 1"))
    with locked(sqlite_url, "IMMEDIATE"):
        waiting.start()
    waiting.join(20)
    assert not waiting.is_alive()
    engine.dispose()
