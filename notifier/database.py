"""Engines on which the promises hold: SQLite in WAL mode with immediate writes, PostgreSQL."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, OperationalError

from .errors import ConfigurationError
from .fairpool import FairQueuePool
from .forks import ForkablePool
from .outages import AT_ONCE, mark_lost_commits
from .postgres import PATIENT, READ_ONLY, guard

__all__ = [
    "at_once",
    "create_engine",
    "is_in_memory",
    "lock_sqlite",
    "long_reader",
    "patient",
    "reader",
]

T = TypeVar("T")

# Between two tries for a lock of SQLite's: short against a transaction, random so that
# waiting processes do not march in step.
_RETRY_SECONDS = (0.001, 0.010)


def create_engine(
    url: str | URL,
    *,
    pool_size: int = 10,
    pool_timeout: float = 1.5,
    busy_timeout: float = 5.0,
    answer_timeout: float = 1.5,
    **options: Any,
) -> Engine:
    """A SQLAlchemy engine for ``url``, a SQLite or PostgreSQL database.

    It has at most ``pool_size`` connections, for one of which a caller waits ``pool_timeout``
    seconds. SQLite gets WAL, foreign keys and ``BEGIN IMMEDIATE``: whoever needs a lock waits up
    to ``busy_timeout`` seconds without blocking other greenlets; and its connections are closed
    when the process forks (see ``forks``). PostgreSQL gets psycopg2, which
    eventlet can wait for (psycopg 3's C wait cannot be interrupted), and ``answer_timeout``
    seconds for every answer, that to connecting included; then the connection is given up. Use
    ``patient`` for what takes longer. Other ``options`` go to ``sqlalchemy.create_engine``.

    Raises ConfigurationError for a malformed URL or another database.
    """
    parsed = _with_driver(url)
    on_sqlite = parsed.get_backend_name() == "sqlite"
    pool_class = ForkablePool if on_sqlite else FairQueuePool
    pool = {"poolclass": pool_class, "pool_size": pool_size, "pool_timeout": pool_timeout}
    if on_sqlite:
        return _sqlite(
            parsed, busy_timeout, options if is_in_memory(parsed) else {**pool, **options}
        )
    engine = sqlalchemy.create_engine(parsed, **{**pool, **options})
    guard(engine, answer_timeout, pool_timeout)
    mark_lost_commits(engine)
    return engine


def reader(engine: Engine) -> Engine:
    """The same engine and pool for transactions that only read.

    On SQLite they take no lock; on PostgreSQL they are not even begun.
    """
    return engine.execution_options(**{READ_ONLY: True})


def at_once(engine: Engine) -> Engine:
    """The same engine and pool for transactions of a single statement that writes.

    On PostgreSQL that statement is the whole exchange, so to lose its answer is to lose that of
    its commit.
    """
    return engine.execution_options(**{AT_ONCE: True})


def patient(engine: Engine) -> Engine:
    """The same engine and pool for statements that may take as long as they take."""
    return engine.execution_options(**{PATIENT: True})


def long_reader(engine: Engine) -> Engine:
    """The same engine and pool for transactions that read for long, and only read."""
    return engine.execution_options(**{READ_ONLY: True, PATIENT: True})


def lock_sqlite(connection: Connection) -> None:
    """Take the one lock of SQLite now; nothing on another database, or where it is held.

    Engines of ours take it when a transaction begins. Python's driver, on an engine of somebody
    else, waits for the first INSERT, so that what was read before may be old by then.
    """
    if connection.dialect.name != "sqlite":
        return
    if not getattr(connection.connection.dbapi_connection, "in_transaction", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


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


def is_in_memory(url: URL) -> bool:
    """Whether it names a SQLite database in memory, which another connection does not see."""
    return url.database in (None, "", ":memory:") or "mode=memory" in str(url)


def _sqlite(url: URL, busy_timeout: float, options: dict[str, Any]) -> Engine:
    engine = sqlalchemy.create_engine(url, **options)

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _record: object) -> None:
        # The driver's own transactions begin too late: a savepoint would outlive a rollback.
        connection.isolation_level = None
        cursor = connection.cursor()
        # SQLite's own wait would hold every greenlet of the process; ours is in Python.
        cursor.execute("PRAGMA busy_timeout = 0")
        _when_free(lambda: cursor.execute("PRAGMA journal_mode = WAL"), busy_timeout)
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(READ_ONLY):
            connection.exec_driver_sql("BEGIN")
            # The first read takes the lock: readers wait for nobody but one who closes, recovers
            # or locks the whole file.
            first = "SELECT 1 FROM sqlite_schema LIMIT 1"
            _when_free(lambda: connection.exec_driver_sql(first).close(), busy_timeout)
        else:
            _when_free(lambda: connection.exec_driver_sql("BEGIN IMMEDIATE"), busy_timeout)

    return engine


def _when_free(attempt: Callable[[], T], seconds: float) -> T:
    """Make an attempt again and again while a lock is held, for at most ``seconds``."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except (OperationalError, sqlite3.OperationalError) as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
        time.sleep(random.uniform(*_RETRY_SECONDS))


def _is_busy(error: OperationalError | sqlite3.OperationalError) -> bool:
    original = getattr(error, "orig", error)
    return getattr(original, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
