"""The tables. They live on our own MetaData, so that a host's migrations never see them.

Whoever changes one writes the revision in ``migrations/versions/`` that makes the change.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)

__all__ = [
    "UNREAD",
    "USER_ID_LENGTH",
    "JsonText",
    "api_keys",
    "idempotency",
    "inboxes",
    "messages",
    "metadata",
    "notifications",
]

UNREAD = "unread_message_count"
"""The name of the notification that carries a user's unread counter."""

USER_ID_LENGTH = 64
NAME_LENGTH = 64

metadata = MetaData()

# Byte order on every database: it is the order in which Python sorts the same strings, and
# locks are taken in it.
_user_id = String(USER_ID_LENGTH).with_variant(String(USER_ID_LENGTH, collation="C"), "postgresql")
_stamp = BigInteger()


class JsonText(TypeDecorator[Any]):
    """JSON as text, which Python's own module reads and writes.

    SQLite takes what looks like a number in a column named JSON for one, and the engine of a host
    may read JSON in a way of its own. So data is also cast to text where it is JSON.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """What is stored of ``value``."""
        return json.dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """What was stored; on a database that read it already, that."""
        return json.loads(value) if isinstance(value, str) else value


# SQLite numbers rows by itself only in a column whose type is exactly INTEGER.
_message_id = BigInteger().with_variant(Integer(), "sqlite")

inboxes = Table(
    "inboxes",
    metadata,
    Column("user_id", _user_id, primary_key=True),
    Column("clock", _stamp, nullable=False),
    Column("unread", Integer, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("id", _message_id, primary_key=True, autoincrement=True),
    Column("recipient_id", _user_id, nullable=False),
    Column("sender_id", _user_id),
    Column("body", Text, nullable=False),
    Column("stamp", _stamp, nullable=False),
    Column("read_at", _stamp),
)

# Unique, since paging by stamp is exact only while no two messages of a user share one.
Index("messages_newest", messages.c.recipient_id, messages.c.stamp, unique=True)
Index(
    "messages_unread",
    messages.c.recipient_id,
    messages.c.stamp,
    postgresql_where=text("read_at IS NULL"),
    sqlite_where=text("read_at IS NULL"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("user_id", _user_id, primary_key=True),
    Column("name", String(NAME_LENGTH), primary_key=True),
    Column("data", JSON().with_variant(JsonText(), "sqlite"), nullable=False),
    Column("stamp", _stamp, nullable=False),
)

Index("notifications_newest", notifications.c.user_id, notifications.c.stamp, unique=True)

api_keys = Table(
    "notifier_api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    # Separated by spaces.
    Column("scopes", Text, nullable=False),
    Column("created", _stamp, nullable=False),
    Column("last_used", _stamp),
    Column("revoked", _stamp),
)

idempotency = Table(
    "notifier_idempotency",
    metadata,
    Column("caller", String(80), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer),
    Column("answer", Text),
    Column("created", _stamp, nullable=False),
)

Index("notifier_idempotency_created", idempotency.c.created)
