"""The rows that the stamp primitive locks and saves, many at a time.

PostgreSQL takes each column as one array: a statement is compiled once and makes one round trip,
however many rows it carries. SQLite is in this process and takes the rows themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection, select, text, tuple_
from sqlalchemy.dialects import sqlite

from .models import inboxes, messages, notifications
from .operations import Event

__all__ = ["InboxRow", "MessageRow", "Rows", "chunks", "rows_of"]

T = TypeVar("T")

# Rows a statement carries at most: SQLite takes 32,766 parameters, a message has five.
_ROWS_PER_STATEMENT = 5_000


class MessageRow(NamedTuple):
    """A message that is to be stored."""

    recipient: str
    sender: str | None
    body: str
    stamp: int


class InboxRow(NamedTuple):
    """What is to be stored of an inbox."""

    user: str
    clock: int
    unread: int


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """``items``, as many at a time as a statement may carry."""
    for start in range(0, len(items), _ROWS_PER_STATEMENT):
        yield items[start : start + _ROWS_PER_STATEMENT]


class Rows(Protocol):
    """What the primitive asks of a database, in the transaction of a connection."""

    def lock(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        """Lock the inboxes of ``users``, which are sorted, making those that are missing.

        Returns user, clock and unread of each. Every missing row is inserted before any is
        locked, both in sorted order: whoever waits for an insert holds no locked row that an
        inserter may still want, so there is no cycle.
        """

    def heads(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        """User and clock of those inboxes of ``users`` that are there."""

    def since(self, connection: Connection, stamps: Mapping[str, int]) -> Iterable[Any]:
        """User, name, data and stamp of what is above the stamp of its user, ascending by it."""

    def lock_free(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        """Lock those inboxes of ``users`` that are there and that nobody else holds."""

    def values(self, connection: Connection, keys: Sequence[tuple[str, str]]) -> Iterable[Any]:
        """User, name and data of those notifications that are there."""

    def save(
        self,
        connection: Connection,
        new: Sequence[MessageRow],
        events: Sequence[Event],
        changed: Sequence[InboxRow],
    ) -> dict[tuple[str, int], int]:
        """Store messages, notifications and clocks of locked inboxes.

        Returns the ids of the messages by recipient and stamp.
        """


def rows_of(connection: Connection) -> Rows:
    """The statements that the connection's database understands best."""
    return _Sqlite() if connection.dialect.name == "sqlite" else _Postgresql()


_NEWS = (
    *(notifications.c.user_id, notifications.c.name, notifications.c.data),
    notifications.c.stamp,
)


class _Postgresql:
    _missing = text(
        "INSERT INTO inboxes (user_id, clock, unread)"
        " SELECT user_id, 0, 0 FROM unnest(CAST(:users AS text[])) AS given (user_id)"
        " ON CONFLICT DO NOTHING"
    )
    _lock = text(
        "SELECT user_id, clock, unread FROM inboxes"
        " WHERE user_id = ANY (CAST(:users AS text[])) ORDER BY user_id FOR UPDATE"
    )
    _lock_free = text(
        "SELECT user_id, clock, unread FROM inboxes"
        " WHERE user_id = ANY (CAST(:users AS text[])) ORDER BY user_id FOR UPDATE SKIP LOCKED"
    )
    _heads = text("SELECT user_id, clock FROM inboxes WHERE user_id = ANY (CAST(:users AS text[]))")
    _since = text(
        "SELECT user_id, name, data, stamp FROM notifications"
        " JOIN unnest(CAST(:users AS text[]), CAST(:stamps AS bigint[])) AS given (user_id, since)"
        " USING (user_id) WHERE stamp > since ORDER BY stamp"
    ).columns(*_NEWS)
    _values = text(
        "SELECT user_id, name, data FROM notifications"
        " JOIN unnest(CAST(:users AS text[]), CAST(:names AS text[])) AS given (user_id, name)"
        " USING (user_id, name)"
    ).columns(notifications.c.user_id, notifications.c.name, notifications.c.data)
    # All parts see the moment before the statement, and each writes another table.
    _save = text(
        "WITH told AS ("
        " INSERT INTO notifications (user_id, name, data, stamp)"
        " SELECT user_id, name, CAST(data AS json), stamp FROM unnest("
        "CAST(:users AS text[]), CAST(:names AS text[]), CAST(:data AS text[]),"
        " CAST(:stamps AS bigint[])) AS given (user_id, name, data, stamp)"
        " ON CONFLICT (user_id, name)"
        " DO UPDATE SET data = excluded.data, stamp = excluded.stamp"
        "), clocked AS ("
        " UPDATE inboxes SET clock = given.clock, unread = given.unread FROM unnest("
        "CAST(:owners AS text[]), CAST(:clocks AS bigint[]), CAST(:unread AS integer[])"
        ") AS given (user_id, clock, unread) WHERE inboxes.user_id = given.user_id"
        ") INSERT INTO messages (recipient_id, sender_id, body, stamp) SELECT * FROM unnest("
        "CAST(:recipients AS text[]), CAST(:senders AS text[]), CAST(:bodies AS text[]),"
        " CAST(:message_stamps AS bigint[])) RETURNING recipient_id, stamp, id"
    )

    def lock(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        given = {"users": list(users)}
        connection.execute(self._missing, given)
        return connection.execute(self._lock, given).all()

    def heads(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        return connection.execute(self._heads, {"users": list(users)}).all()

    def since(self, connection: Connection, stamps: Mapping[str, int]) -> Iterable[Any]:
        given = {"users": list(stamps), "stamps": list(stamps.values())}
        return connection.execute(self._since, given).all()

    def lock_free(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        return connection.execute(self._lock_free, {"users": list(users)}).all()

    def values(self, connection: Connection, keys: Sequence[tuple[str, str]]) -> Iterable[Any]:
        users, names = zip(*keys, strict=True)
        return connection.execute(self._values, {"users": list(users), "names": list(names)})

    def save(
        self,
        connection: Connection,
        new: Sequence[MessageRow],
        events: Sequence[Event],
        changed: Sequence[InboxRow],
    ) -> dict[tuple[str, int], int]:
        ids: dict[tuple[str, int], int] = {}
        for some_new, some_events, some_changed in _together(new, events, changed):
            rows = connection.execute(
                self._save,
                {
                    "recipients": [one.recipient for one in some_new],
                    "senders": [one.sender for one in some_new],
                    "bodies": [one.body for one in some_new],
                    "message_stamps": [one.stamp for one in some_new],
                    "users": [one.user for one in some_events],
                    "names": [one.name for one in some_events],
                    "data": [_as_json(one.data) for one in some_events],
                    "stamps": [one.stamp for one in some_events],
                    "owners": [one.user for one in some_changed],
                    "clocks": [one.clock for one in some_changed],
                    "unread": [one.unread for one in some_changed],
                },
            )
            ids.update({(user, stamp): id for user, stamp, id in rows.all()})
        return ids


class _Sqlite:
    # One parameter, however many users: to bind each takes nearly twice the CPU.
    _heads = text(
        "SELECT user_id, clock FROM inboxes WHERE user_id IN (SELECT value FROM json_each(:users))"
    )
    _since = text(
        "SELECT user_id, name, data, stamp FROM notifications"
        " JOIN json_each(:stamps) AS given ON user_id = given.key AND stamp > given.value"
        " ORDER BY stamp"
    ).columns(*_NEWS)
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
        # The transaction holds the one lock there is since it began.
        if users:
            new = [{"user_id": user, "clock": 0, "unread": 0} for user in users]
            connection.execute(self._missing, new)
        return self.lock_free(connection, users)

    def heads(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        return connection.execute(self._heads, {"users": json.dumps(list(users))}).all()

    def since(self, connection: Connection, stamps: Mapping[str, int]) -> Iterable[Any]:
        return connection.execute(self._since, {"stamps": json.dumps(stamps)}).all()

    def lock_free(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        for some in chunks(users):
            yield from connection.execute(self._inboxes, {"users": json.dumps(list(some))}).all()

    def values(self, connection: Connection, keys: Sequence[tuple[str, str]]) -> Iterable[Any]:
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
        ids: dict[tuple[str, int], int] = {}
        for some in chunks(new):
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


def _as_json(data: Any) -> str:
    # Counters are most of what is stored, and the encoder takes five times as long for one.
    return str(data) if type(data) is int else json.dumps(data)


def _columns(row: MessageRow) -> dict[str, Any]:
    return {
        "recipient_id": row.recipient,
        "sender_id": row.sender,
        "body": row.body,
        "stamp": row.stamp,
    }


def _together(
    new: Sequence[MessageRow], events: Sequence[Event], changed: Sequence[InboxRow]
) -> Iterator[tuple[Sequence[MessageRow], Sequence[Event], Sequence[InboxRow]]]:
    """All three at once, as many of each as a statement may carry."""
    return zip_longest(chunks(new), chunks(events), chunks(changed), fillvalue=())
