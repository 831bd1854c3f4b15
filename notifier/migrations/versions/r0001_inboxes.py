"""The three tables of version 0.1, which made them without a version table."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import JSON, BigInteger, Column, Index, Integer, MetaData, String, Table, Text, text

from notifier.migrations.creating import create_missing

revision = "0001"
down_revision = None

tables = MetaData()

_user_id = String(64).with_variant(String(64, collation="C"), "postgresql")
_unread = text("read_at IS NULL")

Table(
    "inboxes",
    tables,
    Column("user_id", _user_id, primary_key=True),
    Column("clock", BigInteger, nullable=False),
    Column("unread", Integer, nullable=False),
)

_messages = Table(
    "messages",
    tables,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("recipient_id", _user_id, nullable=False),
    Column("sender_id", _user_id),
    Column("body", Text, nullable=False),
    Column("stamp", BigInteger, nullable=False),
    Column("read_at", BigInteger),
)

Index("messages_newest", _messages.c.recipient_id, _messages.c.stamp, unique=True)
Index(
    "messages_unread",
    _messages.c.recipient_id,
    _messages.c.stamp,
    postgresql_where=_unread,
    sqlite_where=_unread,
)

_notifications = Table(
    "notifications",
    tables,
    Column("user_id", _user_id, primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("data", JSON().with_variant(Text(), "sqlite"), nullable=False),
    Column("stamp", BigInteger, nullable=False),
)

Index("notifications_newest", _notifications.c.user_id, _notifications.c.stamp, unique=True)


def upgrade(op: Operations) -> None:
    """Make them where they are missing."""
    create_missing(op.get_bind(), tables)
