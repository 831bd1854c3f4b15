"""The database: whether it answers, has our tables, agrees about the time, and keeps promises."""

from __future__ import annotations

import contextlib
import sqlite3

from sqlalchemy import Connection, Inspector, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from .. import schema
from ..models import metadata
from ..outages import reason
from ..stamps import system_clock
from . import privileges
from .report import Result, ok, skipped, warning, wrong
from .site import Site

__all__ = ["clock", "reachable", "sqlite_transactions", "tables"]

SKEW_NOTED = 1.0
"""Seconds of difference between two clocks that are mentioned: NTP keeps it far below."""

SKEW_WRONG = 10.0
"""Seconds from which people see it: times of messages, the age of tokens."""

_PREPARE = (
    "Run `flask notifier init-db` before the workers start (the release step of a Procfile). It "
    "makes what is missing, upgrades what is old, and is safe to repeat."
)
_SKEW_ADVICE = (
    "No notification is lost by that, but messages show wrong times and tokens expire early or "
    "late. Let both machines keep time by NTP (timedatectl set-ntp true)."
)


def reachable(site: Site) -> Result:
    """Whether the database answers."""
    shown = site.engine.url.render_as_string()
    try:
        version = site.ask(_version)
    except SQLAlchemyError as error:
        return wrong(
            f"{shown} does not answer: {reason(error)}",
            "Check DATABASE_URL, and that this machine may connect: name, port, firewall, "
            "password, pg_hba.conf.",
        )
    if site.engine.dialect.name == "postgresql" and site.engine.driver != "psycopg2":
        return warning(
            f"{shown} is used through {site.engine.driver}",
            "Under eventlet its waiting stops every socket of the worker; write "
            "postgresql+psycopg2:// in the URL. With threads it is fine.",
        )
    return ok(f"{version} at {shown}")


def tables(site: Site) -> Result:
    """Whether our tables are there, with all of their columns and indexes, and may be used."""
    newest = schema.REVISIONS[-1]
    if out_of_sight := site.ask(privileges.hidden):
        return _forbidden(site, out_of_sight)
    if missing := site.ask(lambda connection: _missing(connection, site)):
        return wrong(f"missing in the database: {', '.join(missing)}", _PREPARE)
    found, forbidden = site.ask(_standing)
    if forbidden:
        return _forbidden(site, forbidden)
    if found in (None, *schema.REVISIONS[:-1]):
        return wrong(f"the tables are of revision {found}, this code needs {newest}", _PREPARE)
    if found != newest:
        return warning(
            f"the tables are of revision {found}, this code knows {newest}",
            "A newer release has upgraded them. Let this process run that release, too.",
        )
    return ok(f"revision {found}, with every table, column and index")


def clock(site: Site) -> Result:
    """Whether this machine and the database agree about the time."""
    if site.engine.dialect.name == "sqlite":
        return skipped("SQLite has the clock of this machine")
    return site.ask(_compare)


def judge_skew(seconds: float, what: str) -> Result:
    """What a difference of ``seconds`` to the clock of ``what`` means."""
    ahead = "ahead of" if seconds > 0 else "behind"
    if abs(seconds) < SKEW_NOTED:
        return ok(f"it agrees with {what} to {max(abs(seconds), 0.001):.3f} s")
    found = f"this machine is {abs(seconds):.1f} s {ahead} {what}"
    return (wrong if abs(seconds) >= SKEW_WRONG else warning)(found, _SKEW_ADVICE)


def sqlite_transactions(site: Site) -> Result:
    """Whether transactions on SQLite take the write lock when they begin, and do not wait in C."""
    if site.engine.dialect.name != "sqlite":
        return skipped("the database is not SQLite")
    path = site.engine.url.database
    if not path or path == ":memory:":
        return wrong(
            "the database is in memory",
            "Each process has one of its own, which is gone with it. Set DATABASE_URL to a file.",
        )
    mode, locks = site.ask(lambda connection: (_journal(connection), _locks(connection, path)))
    if mode != "wal" or not locks:
        return warning(
            f"journal_mode is {mode}, and a transaction begins "
            f"{'with' if locks else 'without'} the write lock",
            "Writers then fail with 'database is locked' instead of waiting. Make the engine with "
            "notifier.create_engine(url), or set WAL and BEGIN IMMEDIATE on your own.",
        )
    return ok("WAL, and transactions begin with the write lock")


def _version(connection: Connection) -> str:
    if connection.dialect.name == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    return f"PostgreSQL {connection.scalar(text('SHOW server_version'))}"


def _forbidden(site: Site, what: list[str]) -> Result:
    advice = privileges.ADVICE[site.engine.dialect.name]
    return wrong(f"forbidden in the database: {', '.join(what)}", advice)


def _standing(connection: Connection) -> tuple[str | None, list[str]]:
    """The revision of the tables, None where there is no telling, and what may not be done."""
    versioned = inspect(connection).has_table(schema.VERSION_TABLE)
    forbidden = privileges.lacking(connection, versioned=versioned)
    return schema.revision(connection) if versioned and not forbidden else None, forbidden


def _missing(connection: Connection, site: Site) -> list[str]:
    """What of the tables, and of the columns and indexes of ours, is not in the database."""
    looking = inspect(connection)
    every = [table for one in (metadata, *site.host_tables) for table in one.tables.values()]
    wanted = {table.key for table in every}
    missing = wanted - _present(looking, {one.schema for one in every})
    for name, table in metadata.tables.items():
        if name in missing:
            continue
        columns = {column["name"] for column in looking.get_columns(name)}
        missing |= {f"{name}.{one.name}" for one in table.columns if one.name not in columns}
        indexes = {index["name"] for index in looking.get_indexes(name)}
        missing |= {f"index {one.name}" for one in table.indexes if one.name not in indexes}
    return sorted(missing)


def _present(looking: Inspector, schemas: set[str | None]) -> set[str]:
    """The keys of the tables that these schemas have; None is the default one."""
    there = {None, *looking.get_schema_names()}
    return {
        f"{schema}.{name}" if schema else name
        for schema in schemas & there
        for name in looking.get_table_names(schema)
    }


def _compare(connection: Connection) -> Result:
    # The first statement of a connection takes longer; the answer lies between two looks.
    query = text("SELECT extract(epoch FROM clock_timestamp()) * 1000000")
    connection.scalar(query)
    before = system_clock()
    theirs = float(connection.scalar(query) or 0)
    after = system_clock()
    return judge_skew(((before + after) / 2 - theirs) / 1e6, "the database")


def _journal(connection: Connection) -> str:
    return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar())


def _locks(connection: Connection, path: str) -> bool:
    """Whether somebody else finds the write lock taken while ``connection`` is in a transaction."""
    connection.exec_driver_sql("SELECT 1 FROM sqlite_schema LIMIT 1").close()
    with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        other.execute("ROLLBACK")
        return False
