"""Engines on which the promises hold: SQLite in WAL mode with immediate writes, PostgreSQL."""

from __future__ import annotations

import random
import sqlite3
import time
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError

from .errors import ConfigurationError

__all__ = ["create_engine", "reader"]

_READ_ONLY = "notifier_read_only"
# Between two tries for SQLite's write lock: short against a transaction, random so that
# waiting processes do not march in step.
_RETRY_SECONDS = (0.001, 0.010)


def create_engine(
    url: str | URL,
    *,
    pool_size: int = 10,
    pool_timeout: float = 2.0,
    busy_timeout: float = 5.0,
    **options: Any,
) -> Engine:
    """A SQLAlchemy engine for ``url``, a SQLite or PostgreSQL database.

    SQLite gets WAL, foreign keys and ``BEGIN IMMEDIATE``: a writer waits up to ``busy_timeout``
    seconds for its turn without blocking other greenlets. PostgreSQL gets psycopg2, which
    eventlet can wait for (psycopg 3's C wait cannot be interrupted), and a pool of at most
    ``pool_size`` connections, for one of which a caller waits ``pool_timeout`` seconds. Other
    ``options`` go to ``sqlalchemy.create_engine``.

    Raises ConfigurationError for a malformed URL or another database.
    """
    parsed = _with_driver(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, busy_timeout, options)
    pool = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": pool_timeout}
    return sqlalchemy.create_engine(parsed, **{"pool_pre_ping": True, **pool, **options})


def reader(engine: Engine) -> Engine:
    """The same engine and pool for transactions that only read: on SQLite they take no lock."""
    return engine.execution_options(**{_READ_ONLY: True})


def _with_driver(url: str | URL) -> URL:
    text = f"postgresql{url[8:]}" if isinstance(url, str) and url.startswith("postgres:") else url
    try:
        parsed = make_url(text)
    except ArgumentError as error:
        raise ConfigurationError(
            "DATABASE_URL is not a database URL; write sqlite:///path/to/file or "
            "postgresql://user:password@host/name"
        ) from error
    if parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg2")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigurationError(
            f"DATABASE_URL names {parsed.get_backend_name()!r}; use SQLite or PostgreSQL"
        )
    return parsed


def _sqlite(url: URL, busy_timeout: float, options: dict[str, Any]) -> Engine:
    engine = sqlalchemy.create_engine(url, **options)

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _record: object) -> None:
        # The driver's own transactions begin too late: a savepoint would outlive a rollback.
        connection.isolation_level = None
        cursor = connection.cursor()
        # First, since switching to WAL has to wait for others who are doing the same.
        cursor.execute(f"PRAGMA busy_timeout = {round(busy_timeout * 1000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(_READ_ONLY):
            connection.exec_driver_sql("BEGIN")
        else:
            _begin_immediate(connection, busy_timeout)

    return engine


def _begin_immediate(connection: Connection, patience: float) -> None:
    """Take the write lock, waiting in Python: SQLite's own wait would hold every greenlet."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    deadline = time.monotonic() + patience
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return
            except sqlalchemy.exc.OperationalError as error:
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(*_RETRY_SECONDS))
    finally:
        driver.execute(f"PRAGMA busy_timeout = {round(patience * 1000)}")


def _is_busy(error: sqlalchemy.exc.OperationalError) -> bool:
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
