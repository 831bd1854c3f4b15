"""Which revision of our tables a database has, and which one this code needs."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Column, Connection, MetaData, String, Table, select

from .models import metadata

__all__ = ["REVISIONS", "TABLES", "VERSION_TABLE", "Upgrade", "revision"]

VERSION_TABLE = "notifier_version"
"""Holds the revision. Alembic's own ``alembic_version`` is left to the host."""

REVISIONS = ("0001", "0002")
"""Every revision there is, the newest last; what each does is in ``migrations/versions/``."""

TABLES = frozenset({*metadata.tables, VERSION_TABLE})
"""The names of all tables that are ours."""

# As Alembic makes it. Not on our MetaData, or it would be created without its row.
_version = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))


class Upgrade(NamedTuple):
    """The revision before an upgrade, None in a database without one, and after it."""

    before: str | None
    after: str


def revision(connection: Connection) -> str | None:
    """The revision of the database, None if it has none. Raises what the database raises."""
    found: str | None = connection.execute(select(_version.c.version_num)).scalars().first()
    return found
