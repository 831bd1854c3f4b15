"""API keys, and what was answered to an idempotency key."""

from __future__ import annotations

from alembic.operations import Operations
from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

from notifier.migrations.creating import create_missing

revision = "0002"
down_revision = "0001"

tables = MetaData()

Table(
    "notifier_api_keys",
    tables,
    Column("id", String(16), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("last_used", BigInteger),
    Column("revoked", BigInteger),
)

_idempotency = Table(
    "notifier_idempotency",
    tables,
    Column("caller", String(80), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer),
    Column("answer", Text),
    Column("created", BigInteger, nullable=False),
)

Index("notifier_idempotency_created", _idempotency.c.created)


def upgrade(op: Operations) -> None:
    """Make them where they are missing."""
    create_missing(op.get_bind(), tables)
