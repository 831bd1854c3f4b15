"""Commits of which nobody knows: the connection was lost while they were made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import OperationalError

from notifier.database import create_engine
from notifier.operations import Event, NewMessage
from notifier.outages import OutcomeUnknown
from notifier.publisher import MemoryPublisher
from notifier.store import Store
from tests.faults.proxy import Proxy
from tests.support import wait_until


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
