"""A database under test, and a second way to look at it that is not the code under test."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

import psycopg2
from sqlalchemy import Column, Integer, Table
from sqlalchemy.orm import registry

from notifier.database import create_engine
from notifier.models import metadata

TABLES = ("inboxes", "messages", "notifications", "orders")

mapping = registry()


@mapping.mapped
class Order:
    """A row of the host's own, which must come and go with what is sent beside it."""

    __table__ = Table("orders", mapping.metadata, Column("id", Integer, primary_key=True))


@dataclass(frozen=True)
class StoredMessage:
    id: int
    user: str
    stamp: int
    read: bool


@dataclass(frozen=True)
class Rows:
    """Everything that is committed: inboxes are (clock, unread), notifications (data, stamp).

    Messages are found by their recipient and body: no body is sent twice.
    """

    inboxes: dict[str, tuple[int, int]]
    messages: dict[tuple[str, str], StoredMessage]
    notifications: dict[tuple[str, str], tuple[Any, int]]
    orders: set[int]

    def of(self, user: str) -> dict[str, tuple[Any, int]]:
        return {name: row for (owner, name), row in self.notifications.items() if owner == user}

    def messages_of(self, user: str) -> list[StoredMessage]:
        own = (message for message in self.messages.values() if message.user == user)
        return sorted(own, key=lambda message: message.stamp, reverse=True)

    def head(self, user: str) -> int:
        return max((stamp for _, stamp in self.of(user).values()), default=0)

    def unread(self, user: str) -> int:
        return sum(not message.read for message in self.messages_of(user))

    @property
    def users(self) -> set[str]:
        owners = {user for user, _ in self.notifications}
        return owners | set(self.inboxes) | {message.user for message in self.messages.values()}


class Site:
    """The engine of the code under test beside a plain connection of our own."""

    # Whether two transactions can be open that both have written.
    concurrent = False

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url)
        metadata.create_all(self.engine)
        mapping.metadata.create_all(self.engine)

    def rows(self) -> Rows:
        messages = self._read("SELECT body, id, recipient_id, stamp, read_at FROM messages")
        notifications = self._read("SELECT user_id, name, data, stamp FROM notifications")
        inboxes = self._read("SELECT user_id, clock, unread FROM inboxes")
        return Rows(
            {user: (clock, unread) for user, clock, unread in inboxes},
            {(m[2], m[0]): StoredMessage(m[1], m[2], m[3], m[4] is not None) for m in messages},
            {(n[0], n[1]): (self._data(n[2]), n[3]) for n in notifications},
            {number for (number,) in self._read("SELECT id FROM orders")},
        )

    def stamp_of(self, user: str, name: str) -> int:
        """The committed stamp of one notification, 0 if there is none."""
        rows = self._read(
            f"SELECT stamp FROM notifications WHERE user_id = '{user}' AND name = '{name}'"
        )
        return int(rows[0][0]) if rows else 0

    def waits(self) -> bool:
        """Whether a transaction waits for another one's lock."""
        return False

    def empty(self) -> None:
        raise NotImplementedError

    def backup(self) -> Any:
        raise NotImplementedError

    def restore(self, backup: Any) -> None:
        """Put a backup in place of everything. Nobody may have a transaction open."""
        raise NotImplementedError

    def close(self) -> None:
        self.engine.dispose()

    def _read(self, statement: str) -> list[tuple[Any, ...]]:
        raise NotImplementedError

    def _data(self, stored: Any) -> Any:
        return stored


class SqliteSite(Site):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._own = sqlite3.connect(str(self.engine.url.database), isolation_level=None)

    def empty(self) -> None:
        for table in TABLES:
            self._own.execute(f"DELETE FROM {table}")

    def backup(self) -> Any:
        copy = sqlite3.connect(":memory:")
        self._own.backup(copy)
        return copy

    def restore(self, backup: Any) -> None:
        backup.backup(self._own)

    def close(self) -> None:
        self._own.close()
        super().close()

    def _read(self, statement: str) -> list[tuple[Any, ...]]:
        return self._own.execute(statement).fetchall()

    def _data(self, stored: Any) -> Any:
        # A column named JSON has numeric affinity: what looks like a number is stored as one.
        return json.loads(str(stored))


class PostgresSite(Site):
    concurrent = True

    def __init__(self, url: str) -> None:
        super().__init__(url)
        dsn = self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._own = psycopg2.connect(dsn)
        self._own.autocommit = True

    def waits(self) -> bool:
        return bool(
            self._read(
                "SELECT 1 FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    def empty(self) -> None:
        self._run("; ".join(f"DELETE FROM {table}" for table in TABLES))

    def backup(self) -> Any:
        return {table: self._read(f"SELECT * FROM {table}") for table in TABLES}

    def restore(self, backup: Any) -> None:
        self.empty()
        for table, rows in backup.items():
            for row in rows:
                # A parsed JSON column comes back as Python; as text it goes in again.
                values = [json.dumps(v) if table == "notifications" and i == 2 else v
                          for i, v in enumerate(row)]  # fmt: skip
                self._run(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(row))})", values)

    def close(self) -> None:
        self._own.close()
        super().close()

    def _read(self, statement: str) -> list[tuple[Any, ...]]:
        with self._own.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def _run(self, statement: str, values: list[Any] | None = None) -> None:
        with self._own.cursor() as cursor:
            cursor.execute(statement, values)
