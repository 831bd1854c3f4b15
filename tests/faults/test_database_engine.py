"""One engine and a database that is gone, silent or slow."""

from __future__ import annotations

import gc
import os
import socket
import threading
from typing import Any

import psycopg2
import pytest
from sqlalchemy import Engine, text

from notifier.database import create_engine, patient, reader
from notifier.outages import is_outage
from tests.faults.asking import ANSWER, ask, eventually, fails
from tests.faults.proxy import Proxy


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
