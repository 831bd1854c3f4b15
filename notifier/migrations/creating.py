"""What revisions share."""

from __future__ import annotations

from sqlalchemy import Connection, MetaData

__all__ = ["create_missing"]


def create_missing(connection: Connection, tables: MetaData) -> None:
    """Make those tables and indexes that are not there.

    Whether they are is asked first: ``CREATE INDEX IF NOT EXISTS`` would wait for every writer.
    """
    tables.create_all(connection)
    for table in tables.sorted_tables:
        for index in table.indexes:
            index.create(connection, checkfirst=True)
