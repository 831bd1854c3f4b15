"""One engine and a database that is gone, silent, slow, full or not prepared."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg2
import pytest
import sqlalchemy
from psycopg2 import errorcodes
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from notifier.database import create_engine, patient, reader
from notifier.operations import Event, NewMessage
from notifier.outages import OutcomeUnknown, is_missing_table, is_outage
from notifier.publisher import MemoryPublisher
from notifier.store import Store
from tests.faults.background import Background
from tests.faults.proxy import Proxy, proxied
from tests.services.postgres import Postgres
from tests.support import wait_until

ANSWER = 0.4  # seconds; short, and far above what a healthy server needs


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    background = Background()
    yield background
    background.close()


@pytest.fixture
def proxy(background: Background, postgres: Postgres) -> Iterator[Proxy]:
    with proxied(background, postgres.port) as proxy:
        yield proxy


@pytest.fixture
def engine(postgres: Postgres, postgres_url: str, proxy: Proxy) -> Iterator[Engine]:
    url = postgres_url.replace(f":{postgres.port}/", f":{proxy.port}/")
    engine = create_engine(url, pool_size=2, pool_timeout=ANSWER, answer_timeout=ANSWER)
    yield engine
    engine.dispose()


def ask(engine: Engine, statement: str = "SELECT pg_backend_pid()") -> object:
    with engine.connect() as connection:
        return connection.execute(text(statement)).scalar()


def fails(engine: Engine, statement: str = "SELECT 1") -> SQLAlchemyError:
    with pytest.raises(SQLAlchemyError) as failure:
        ask(engine, statement)
    return failure.value


def eventually(engine: Engine) -> object:
    """The first answer after an outage."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return ask(engine)
        except SQLAlchemyError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.parametrize("warm", [True, False])
def test_silence_is_an_outage_and_ends_with_it(engine: Engine, proxy: Proxy, warm: bool) -> None:
    if warm:
        ask(engine)
    proxy.black_hole()
    # With threads libpq itself waits for a connection, in whole seconds.
    failures = [fails(engine) for _ in range(3)]
    assert all(is_outage(failure) for failure in failures)
    proxy.heal()
    assert eventually(engine)


def test_whoever_is_answered_ends_the_silence_for_all(engine: Engine, proxy: Proxy) -> None:
    with engine.connect() as lasting:
        lasting.execute(text("SELECT 1"))
        ask(engine)
        proxy.half_open(ports=[port_of(engine)])
        assert "did not answer" in str(fails(engine))
        assert "not asked" in str(fails(engine))
        lasting.execute(text("SELECT 1"))
        assert ask(engine)


def port_of(engine: Engine) -> int:
    """The client's port of the connection that is used next."""
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        with socket.socket(fileno=os.dup(driver.fileno())) as sock:
            return int(sock.getsockname()[1])


def test_a_refused_connection_is_an_outage(engine: Engine, proxy: Proxy) -> None:
    ask(engine)
    proxy.refuse()
    proxy.cut()
    assert is_outage(fails(engine))
    proxy.heal()
    assert ask(engine)


def test_a_connection_that_was_closed_while_idle_is_replaced_unnoticed(
    engine: Engine, proxy: Proxy
) -> None:
    before = ask(engine)
    proxy.cut(reset=False)
    after = ask(engine)
    assert before != after


def test_a_half_open_connection_costs_one_failure(engine: Engine, proxy: Proxy) -> None:
    ask(engine)
    assert proxy.half_open() == 1
    assert "did not answer" in str(fails(engine))
    assert eventually(engine)


def test_a_slow_statement_is_cancelled_and_its_connection_kept(engine: Engine) -> None:
    before = ask(engine)
    assert is_outage(fails(engine, "SELECT pg_sleep(60)"))
    assert ask(engine) == before


def test_a_lock_that_does_not_come_free_is_an_outage(engine: Engine) -> None:
    with engine.begin() as setup:
        setup.execute(text("CREATE TABLE thing (x int)"))
    with engine.begin() as holder:
        holder.execute(text("LOCK TABLE thing"))
        assert is_outage(fails(engine, "SELECT count(*) FROM thing"))


def test_patience_is_unlimited_where_asked_for_and_only_there(engine: Engine) -> None:
    ask(patient(engine), f"SELECT pg_sleep({2 * ANSWER})")
    assert is_outage(fails(engine, "SELECT pg_sleep(60)"))


def test_an_exhausted_pool_is_an_outage(engine: Engine) -> None:
    with engine.connect(), engine.connect():
        assert is_outage(fails(engine))
    assert ask(engine)


def test_a_reader_begins_no_transaction_and_leaves_no_trace(engine: Engine) -> None:
    with reader(engine).connect() as connection:
        connection.execute(text("SELECT 1"))
        assert not connection.connection.driver_connection.info.transaction_status
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE gone (x int)"))
        connection.rollback()
    assert ask(engine, "SELECT to_regclass('gone')") is None


class Pooler:
    """psycopg2 as seen through a connection pooler that knows no options."""

    def __init__(self) -> None:
        self.refusals = 0

    def connect(self, *args: object, **given: object) -> object:
        if "options" in given:
            self.refusals += 1
            raise psycopg2.OperationalError("FATAL: unsupported startup parameter: options")
        return psycopg2.connect(*args, **given)

    def __getattr__(self, name: str) -> object:
        return getattr(psycopg2, name)


def test_a_pooler_that_takes_no_options_is_asked_without(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    pooler = engine.dialect.dbapi = Pooler()
    assert ask(engine)
    engine.dispose()
    assert ask(engine)
    assert pooler.refusals == 1
    engine.dispose()


def test_the_watch_ends_with_its_engine(postgres_url: str) -> None:
    others = set(threading.enumerate())
    engine = create_engine(postgres_url)
    ask(engine)
    watch = next(one for one in threading.enumerate() if one not in others)
    assert watch.name == "database watch"
    engine.dispose()
    del engine
    gc.collect()
    watch.join(20)
    assert not watch.is_alive()


# -- commits of which nobody knows ------------------------------------------------------------


@pytest.mark.parametrize("fault", ["cut", "black_hole"])
def test_a_commit_without_an_answer_is_unknown_and_not_published(
    engine: Engine, proxy: Proxy, fault: str
) -> None:
    publisher = MemoryPublisher()
    published: list[Event] = []
    publisher.subscribe(published.extend)
    store = Store(engine, publisher)
    store.create_tables()

    @event.listens_for(engine, "commit", once=True)
    def lose(_connection: object) -> None:
        getattr(proxy, fault)()

    with pytest.raises(OutcomeUnknown):
        store.commit([NewMessage("alice", "one"), NewMessage("alice", "two")])
    proxy.heal()
    assert published == []


def test_a_send_that_was_cut_off_while_it_waited_is_unknown(
    engine: Engine, postgres_url: str, proxy: Proxy
) -> None:
    patient_engine = create_engine(engine.url, answer_timeout=60)
    store = Store(patient_engine, MemoryPublisher())
    store.create_tables()
    store.commit([NewMessage("alice", "hi")])
    with locked_messages(postgres_url) as holder, ThreadPoolExecutor(1) as pool:
        send = pool.submit(store.commit, [NewMessage("alice", "again")])
        wait_until(lambda: _waits_for_a_lock(holder))
        proxy.cut()
        with pytest.raises(OutcomeUnknown):
            send.result(10)
    patient_engine.dispose()


@contextlib.contextmanager
def locked_messages(url: str) -> Iterator[Connection]:
    """A connection that lets nobody else write messages."""
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE messages IN EXCLUSIVE MODE"))
        yield connection
    engine.dispose()


def test_on_an_engine_of_somebody_else_a_send_that_was_cut_off_is_certain(
    postgres_url: str,
) -> None:
    engine = sqlalchemy.create_engine(postgres_url)
    store = Store(engine, MemoryPublisher())
    store.create_tables()
    store.commit([NewMessage("alice", "hi")])
    ending = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    with create_engine(postgres_url).connect() as other:
        own = other.execute(text("SELECT pg_backend_pid()")).scalar()
        other.execute(
            text(f"{ending} WHERE datname = current_database() AND pid <> :own"), {"own": own}
        )
    with pytest.raises(OperationalError) as failure:
        store.commit([NewMessage("alice", "again")])
    assert not isinstance(failure.value, OutcomeUnknown)
    assert store.badge("alice").count == 1


def _waits_for_a_lock(connection: Connection) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    return bool(connection.scalar(text(waiting)))


def test_a_failed_statement_is_no_unknown_commit(engine: Engine, proxy: Proxy) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        connection.commit()
        connection.execute(text("SELECT 1"))
        proxy.cut()
        with pytest.raises(OperationalError) as failure:
            connection.execute(text("SELECT 1"))
    assert not isinstance(failure.value, OutcomeUnknown)


# -- what is an outage, and what is a fault ---------------------------------------------------


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


# -- SQLite -----------------------------------------------------------------------------------


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
