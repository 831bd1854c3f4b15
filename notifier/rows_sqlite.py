"""Rows on SQLite, which is in this process and takes them one by one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select, text, tuple_
from sqlalchemy.dialects import sqlite

from .chunks import chunks
from .database import lock_sqlite
from .models import inboxes, messages, notifications
from .operations import Event
from .rows import NEWS, ROWS_PER_STATEMENT, InboxRow, MessageRow

__all__ = ["SqliteRows"]


class SqliteRows:
    """``Rows`` on SQLite."""

    # One parameter, however many users: to bind each takes nearly twice the CPU.
    _heads = text(
        "SELECT user_id, clock FROM inboxes WHERE user_id IN (SELECT value FROM json_each(:users))"
    )
    _since = text(
        "SELECT number, name, data, stamp FROM ("
        " SELECT key + 1 AS number, json_extract(value, '$[0]') AS user,"
        " json_extract(value, '$[1]') AS since FROM json_each(:asked)) AS asked"
        " CROSS JOIN inboxes ON inboxes.user_id = user AND clock <> since"
        " CROSS JOIN notifications ON notifications.user_id = inboxes.user_id"
        " AND stamp > iif(since > clock, 0, since) ORDER BY stamp"
    ).columns(*NEWS)
    _inboxes = text(
        "SELECT user_id, clock, unread FROM inboxes"
        " WHERE user_id IN (SELECT value FROM json_each(:users)) ORDER BY user_id"
    )
    _missing = sqlite.insert(inboxes).on_conflict_do_nothing()
    _insert = messages.insert().returning(messages.c.recipient_id, messages.c.stamp, messages.c.id)
    _tell = sqlite.insert(notifications)
    _tell = _tell.on_conflict_do_update(
        index_elements=["user_id", "name"],
        set_={"data": _tell.excluded.data, "stamp": _tell.excluded.stamp},
    )
    _clock = sqlite.insert(inboxes)
    _clock = _clock.on_conflict_do_update(
        index_elements=["user_id"],
        set_={"clock": _clock.excluded.clock, "unread": _clock.excluded.unread},
    )

    def lock(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        """See ``Rows``."""
        if users:
            new = [{"user_id": user, "clock": 0, "unread": 0} for user in users]
            connection.execute(self._missing, new)
        return self.lock_free(connection, users)

    def heads(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        """See ``Rows``."""
        return connection.execute(self._heads, {"users": json.dumps(list(users))}).all()

    def since(self, connection: Connection, asked: Sequence[tuple[str, int]]) -> Iterable[Any]:
        """See ``Rows``."""
        return connection.execute(self._since, {"asked": json.dumps(asked)}).all()

    def lock_free(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        """See ``Rows``."""
        lock_sqlite(connection)
        for some in chunks(users, ROWS_PER_STATEMENT):
            yield from connection.execute(self._inboxes, {"users": json.dumps(list(some))}).all()

    def append_copies(
        self, connection: Connection, users: Sequence[str], sender: str | None, body: str, now: int
    ) -> Iterable[Any] | None:
        """See ``Rows``."""
        return None

    def values(self, connection: Connection, keys: Sequence[tuple[str, str]]) -> Iterable[Any]:
        """See ``Rows``."""
        columns = (notifications.c.user_id, notifications.c.name)
        wanted = select(*columns, notifications.c.data)
        return connection.execute(wanted.where(tuple_(*columns).in_(keys)))

    def save(
        self,
        connection: Connection,
        new: Sequence[MessageRow],
        events: Sequence[Event],
        changed: Sequence[InboxRow],
    ) -> dict[tuple[str, int], int]:
        """See ``Rows``."""
        ids: dict[tuple[str, int], int] = {}
        for some in chunks(new, ROWS_PER_STATEMENT):
            rows = connection.execute(self._insert, [_columns(one) for one in some])
            ids.update(((user, stamp), id) for user, stamp, id in rows)
        told = [
            {"user_id": one.user, "name": one.name, "data": one.data, "stamp": one.stamp}
            for one in events
        ]
        clocks = [
            {"user_id": one.user, "clock": one.clock, "unread": one.unread} for one in changed
        ]
        for statement, parameters in ((self._tell, told), (self._clock, clocks)):
            if parameters:
                connection.execute(statement, parameters)
        return ids


def _columns(row: MessageRow) -> dict[str, Any]:
    return {
        "recipient_id": row.recipient,
        "sender_id": row.sender,
        "body": row.body,
        "stamp": row.stamp,
    }
