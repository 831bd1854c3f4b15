"""What the database lets this process do with our tables. Nothing is changed to find out."""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from .. import schema
from ..models import metadata
from ..outages import reason

__all__ = ["ADVICE", "hidden", "lacking"]

ADVICE = {
    "postgresql": (
        "Grant it to the role of this DATABASE_URL: GRANT USAGE ON SCHEMA public TO <role>; GRANT "
        "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO <role>; GRANT USAGE ON "
        "ALL SEQUENCES IN SCHEMA public TO <role>; and again, or by ALTER DEFAULT PRIVILEGES, for "
        "tables of later upgrades."
    ),
    "sqlite": (
        "Let the user of this process write the file and its folder, where SQLite puts two files "
        "beside it."
    ),
}

# What a server does; the commands that clean up need DELETE on the others, too.
_SERVING = ("SELECT", "INSERT", "UPDATE")
_OTHER = {
    schema.VERSION_TABLE: ("SELECT",),
    "notifier_api_keys": ("SELECT", "UPDATE"),
    "notifier_idempotency": (*_SERVING, "DELETE"),
}
# NULL where a table has another kind of id.
_MAY_COUNT = text(
    "SELECT has_sequence_privilege(pg_get_serial_sequence('messages', 'id'), 'USAGE')"
)
_MAY = text("SELECT has_table_privilege(:name, :privilege)")
# What is in a schema without USAGE is not seen, as if it were not there.
_HIDDEN = text(
    "SELECT DISTINCT nspname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    " WHERE relname = 'inboxes' AND NOT has_schema_privilege(pg_namespace.oid, 'USAGE') AND nspname"
    " = ANY(string_to_array(translate(current_setting('search_path'), ' \"', ''), ','))"
)
# It takes the lock of a writer, and finds no row.
_WRITE = text("UPDATE inboxes SET clock = clock WHERE 1 = 0")


def hidden(connection: Connection) -> list[str]:
    """What hides tables that are there."""
    if connection.dialect.name != "postgresql":
        return []
    return [f"USAGE on the schema {name}" for name in connection.scalars(_HIDDEN)]


def lacking(connection: Connection, *, versioned: bool) -> list[str]:
    """What is forbidden of that which serving needs; the tables have to be there,
    that of the version only if they are ``versioned``.
    """
    if connection.dialect.name == "sqlite":
        return _unwritable(connection)
    found = []
    for table in (*metadata.tables, *([schema.VERSION_TABLE] if versioned else [])):
        for privilege in _OTHER.get(table, _SERVING):
            if not connection.scalar(_MAY, {"name": table, "privilege": privilege}):
                found.append(f"{privilege} on {table}")
    if connection.scalar(_MAY_COUNT) is False:
        found.append("USAGE on the sequence of messages.id")
    return found


def _unwritable(connection: Connection) -> list[str]:
    try:
        connection.execute(_WRITE)
    except OperationalError as error:
        return [f"writing ({reason(error)})"]
    return []
