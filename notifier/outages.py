"""Which errors mean that the database cannot serve now, and which that somebody must act.

An *outage* passes without anybody changing the program or its configuration: the server is gone,
silent, starting, full or out of connections, a lock was not free in time, the transaction lost
against another one. It is worth trying again, so it is a 503 over HTTP. Everything else stays the
error it is: a missing table is not mended by another try, it needs ``flask notifier init-db``.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

__all__ = [
    "AT_ONCE",
    "OutcomeUnknown",
    "is_lost_race",
    "is_missing_table",
    "is_outage",
    "mark_lost_commits",
    "reason",
    "sqlstate",
]

AT_ONCE = "notifier_at_once"
"""Execution option of transactions whose only statement may commit by itself."""

_COMMITTING = "notifier_committing"

# Classes and codes of PostgreSQL (appendix A of its manual): connection exceptions, insufficient
# resources, operator intervention (shutting down, starting, cancelled, timed out), system errors,
# lost against another transaction, lock not free in time, on a standby after a failover.
_RACES = ("40", "55P03")
_POSTGRESQL = ("08", "53", "57", "58", "25006", *_RACES)

_SQLITE = frozenset(
    {
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL),
        *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN),
        *(sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT),
    }
)


class OutcomeUnknown(OperationalError):
    """The connection was lost during a commit: what was sent may or may not have been stored."""


def is_outage(error: BaseException) -> bool:
    """Whether the database could not serve, and may do so again without anybody's help."""
    if isinstance(error, PoolTimeout | OutcomeUnknown):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    original: Any = error.orig
    if isinstance(original, sqlite3.Error):
        # Above eight bits it is a refinement of the same.
        return getattr(original, "sqlite_errorcode", 0) & 0xFF in _SQLITE
    state = sqlstate(original)
    if state is None:
        # No statement got so far as to fail: the connection did.
        return isinstance(error, OperationalError)
    return str(state).startswith(_POSTGRESQL)


def is_lost_race(error: BaseException) -> bool:
    """Whether a transaction lost against another one, or for want of a lock, and is undone."""
    if not isinstance(error, DBAPIError) or error.connection_invalidated:
        return False
    state = sqlstate(error.orig)
    return state is not None and str(state).startswith(_RACES)


def is_missing_table(error: BaseException) -> bool:
    """Whether the database has not been prepared by ``init-db``."""
    original: Any = getattr(error, "orig", None)
    if isinstance(original, sqlite3.Error):
        return "no such table" in str(original)
    return sqlstate(original) == "42P01"


def sqlstate(original: Any) -> str | None:
    """The SQLSTATE of a driver's error: psycopg 3 has another name for it than psycopg2."""
    state: str | None = getattr(original, "pgcode", None) or getattr(original, "sqlstate", None)
    return state


def reason(error: SQLAlchemyError) -> str:
    """What the database or its driver said, in one line."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def mark_lost_commits(engine: Engine) -> None:
    """Let a commit of ``engine`` whose answer was lost raise OutcomeUnknown. Repeats are harmless.

    It is an OperationalError still, so whoever catches those is not surprised.
    """
    if not event.contains(engine, "handle_error", _lost):
        event.listen(engine, "begin", _begin)
        event.listen(engine, "commit", _commit)
        event.listen(engine, "handle_error", _lost)


def _begin(connection: Connection) -> None:
    # A statement that commits by itself has begun to when it is sent. It does on engines of ours,
    # on others it is inside a transaction like any other.
    driver = connection.connection.driver_connection
    by_itself = getattr(driver, "autocommit", False) is True
    connection.info[_COMMITTING] = connection.get_execution_options().get(AT_ONCE) and by_itself


def _commit(connection: Connection) -> None:
    connection.info[_COMMITTING] = True


def _lost(context: ExceptionContext) -> None:
    connection = context.connection
    if not context.is_disconnect or connection is None:
        return
    if connection.info.get(_COMMITTING):
        raise OutcomeUnknown(None, None, context.original_exception, connection_invalidated=True)
