"""Our tables, revision by revision, as Alembic migrations with a version table of their own.

``flask notifier upgrade`` runs them. A host that has migrations of its own can run ours from its
``env.py``, or inside a revision, by ``upgrade(connection)``, and keeps its autogenerate from
dropping our tables by ``include_name``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.runtime.environment import NameFilterParentNames, NameFilterType
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, inspect, text

from ..database import lock_sqlite
from ..errors import ConfigurationError
from ..schema import REVISIONS, TABLES, VERSION_TABLE, Upgrade

__all__ = ["Upgrade", "include_name", "upgrade"]

# Of the lock under which one process upgrades while others wait: "notifier" in ASCII.
_LOCK = 0x6E6F746966696572


def upgrade(connection: Connection, revision: str = "head") -> Upgrade:
    """Make and change our tables until they are those of this version; the data stays.

    Joins the connection's transaction, else runs in one of its own: all of it happens, or none.
    Safe to repeat, and in several processes at once. Tables of version 0.1, which had no version
    table, are recognised. Raises ConfigurationError, and changes nothing, if a table of somebody
    else has one of our names or the database is newer than this code.
    """
    with _locked(connection):
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "transactional_ddl": True,
                "fn": lambda heads, _context: _scripts()._upgrade_revs(revision, heads),
            },
        )
        before = _known(context.get_current_heads())
        for script in _scripts().iterate_revisions(revision, before):
            _check_tables(connection, script)
        # Not through Alembic's global `op`, which may be the host's at this moment.
        context.run_migrations(op=Operations(context))
        return Upgrade(before, _known(context.get_current_heads()) or "")


def include_name(
    name: str | None, type_: NameFilterType, parent_names: NameFilterParentNames
) -> bool:
    """False for our tables: give it to ``context.configure(include_name=...)`` in ``env.py``.

    Else autogenerate, which does not know them, proposes to drop them.
    """
    default_schema = parent_names.get("schema_name") is None
    return not (type_ == "table" and default_schema and name in TABLES)


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory(Path(__file__).parent)


@contextmanager
def _locked(connection: Connection) -> Iterator[None]:
    """A transaction in which nobody else upgrades."""
    if not connection.in_transaction():
        with connection.begin(), _locked(connection):
            yield
    else:
        lock = lock_sqlite if connection.dialect.name == "sqlite" else _lock_postgresql
        lock(connection)
        yield


def _lock_postgresql(connection: Connection) -> None:
    if getattr(connection.connection.dbapi_connection, "autocommit", False):
        raise ConfigurationError(
            "the connection is on AUTOCOMMIT, so half an upgrade could not be undone; use one "
            "with transactions"
        )
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _known(heads: tuple[str, ...]) -> str | None:
    """The one revision of the database. Raises ConfigurationError if this code is too old."""
    unknown = [head for head in heads if head not in REVISIONS]
    if unknown:
        raise ConfigurationError(
            f"the notifier's tables are at revision {unknown[0]}, newer than this version, which "
            f"knows up to {REVISIONS[-1]}. Nothing was changed. Install the version that made "
            "them, or restore the backup from before it."
        )
    return heads[0] if heads else None


def _check_tables(connection: Connection, script: Script) -> None:
    """Raise ConfigurationError if a table that ``script`` makes is there already, as another's."""
    database = inspect(connection)
    for table in script.module.tables.sorted_tables:
        if not database.has_table(table.name):
            continue
        found = {column["name"] for column in database.get_columns(table.name)}
        if found != set(table.columns.keys()):
            raise ConfigurationError(
                f"the table {table.name!r} in this database is not the notifier's: it has the "
                f"columns {', '.join(sorted(found))}. Nothing was changed. Rename that table, or "
                "give the notifier a database or a PostgreSQL schema of its own "
                "(docs/migrations.md)."
            )
