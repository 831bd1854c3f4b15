"""The stamp primitive: the one place that writes, and what can be read back.

``write`` locks the inbox rows of everyone concerned in sorted order, advances each clock under
its lock and returns the events that are now true. Because a stamp is taken under the lock and
the lock is held until the commit, stamps of one user are ordered as their commits are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from .database import one_of
from .models import UNREAD, inboxes, messages, notifications
from .operations import (
    Badge,
    Event,
    MarkRead,
    NewMessage,
    Operation,
    Recount,
    SetNotification,
    StoredMessage,
    Written,
)
from .stamps import Clock, system_clock

T = TypeVar("T")

__all__ = ["badge", "heads", "since", "write"]

# Rows a statement names at most: SQLite takes 32,766 parameters, a message has five.
_ROWS_PER_STATEMENT = 5_000


@dataclass(slots=True)
class _Inbox:
    """A locked inbox row while it is being written."""

    user: str
    clock: int
    unread: int
    last: int
    changed: bool = False
    values: dict[str, Any] = field(default_factory=dict)

    def tick(self, now: int) -> int:
        """The next stamp of this inbox."""
        self.last = max(now, self.last + 1)
        return self.last


def write(
    connection: Connection, operations: Iterable[Operation], clock: Clock = system_clock
) -> Written:
    """Carry out ``operations`` in the connection's transaction.

    Locks stay until that transaction ends, so call it last. The unread counter, its event and
    the clocks are kept by this function; an event is made only where something changed.
    Raises whatever the database raises; then the transaction must be rolled back.
    """
    todo = list(operations)
    locked = _lock(connection, sorted({operation.user for operation in todo}))
    now = clock()
    for operation in todo:
        if isinstance(operation, MarkRead):
            _mark_read(connection, locked[operation.user], operation, now)
    stored = _insert(connection, locked, _of(todo, NewMessage), now)
    for recount in _of(todo, Recount):
        _recount(connection, locked[recount.user])
    _set_values(connection, locked, _of(todo, SetNotification))
    events = _stamp(locked.values(), now)
    _save(connection, locked, events)
    badges = {user: Badge(inbox.unread, inbox.clock) for user, inbox in locked.items()}
    return Written(stored, events, badges)


def heads(connection: Connection, users: Sequence[str]) -> dict[str, int]:
    """The head of each of ``users`` that has an inbox, in one statement per 5,000."""
    found: dict[str, int] = {}
    for some in _chunks(users):
        rows = connection.execute(
            select(inboxes.c.user_id, inboxes.c.clock).where(
                one_of(connection, inboxes.c.user_id, some)
            )
        )
        found.update((user, clock) for user, clock in rows)
    return found


def badge(connection: Connection, user: str) -> Badge:
    """The user's counter and head from one statement, so that they agree."""
    row = connection.execute(
        select(inboxes.c.unread, inboxes.c.clock).where(inboxes.c.user_id == user)
    ).first()
    return Badge(*row) if row else Badge(0, 0)


def since(connection: Connection, user: str, stamp: int) -> list[Event]:
    """The user's notifications with a stamp above ``stamp``, ascending.

    A ``stamp`` above the head (the database was restored) counts as 0. The head is read first:
    a notification that commits in between is then only an addition, never a gap.
    """
    head = heads(connection, [user]).get(user, 0)
    if stamp == head:
        return []
    rows = connection.execute(
        select(notifications.c.name, notifications.c.data, notifications.c.stamp)
        .where(
            notifications.c.user_id == user,
            notifications.c.stamp > (stamp if stamp < head else 0),
        )
        .order_by(notifications.c.stamp)
    )
    return [Event(user, *row) for row in rows]


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _ROWS_PER_STATEMENT):
        yield items[start : start + _ROWS_PER_STATEMENT]


def _of(operations: Iterable[Operation], kind: type[T]) -> list[T]:
    return [operation for operation in operations if isinstance(operation, kind)]


def _upsert(connection: Connection, table: Table) -> Any:
    """An insert with ``on_conflict_…``; the two databases spell the same thing alike."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)


def _lock(connection: Connection, users: Sequence[str]) -> dict[str, _Inbox]:
    """Lock the inbox rows of ``users``, which are sorted, making those that are missing.

    Every missing row is inserted before any is locked, both in sorted order: whoever waits for
    an insert holds no locked row that an inserter may still want, so there is no cycle.
    """
    missing = _upsert(connection, inboxes).on_conflict_do_nothing()
    for some in _chunks(users):
        connection.execute(missing, [{"user_id": user, "clock": 0, "unread": 0} for user in some])
    locked: dict[str, _Inbox] = {}
    for some in _chunks(users):
        rows = connection.execute(
            select(inboxes.c.user_id, inboxes.c.clock, inboxes.c.unread)
            .where(inboxes.c.user_id.in_(some))
            .order_by(inboxes.c.user_id)
            .with_for_update()
        )
        locked.update((user, _Inbox(user, clock, unread, clock)) for user, clock, unread in rows)
    return locked


def _mark_read(connection: Connection, inbox: _Inbox, mark: MarkRead, now: int) -> None:
    chosen = messages.c.id.in_(mark.ids) if mark.ids else messages.c.stamp <= mark.up_to
    marked = connection.execute(
        update(messages)
        .where(messages.c.recipient_id == inbox.user, messages.c.read_at.is_(None), chosen)
        .values(read_at=now)
    ).rowcount
    inbox.unread -= marked
    inbox.changed = inbox.changed or marked > 0


def _insert(
    connection: Connection, locked: Mapping[str, _Inbox], new: Sequence[NewMessage], now: int
) -> list[StoredMessage]:
    stored: list[StoredMessage] = []
    insert = messages.insert().returning(messages.c.id, sort_by_parameter_order=True)
    for some in _chunks(new):
        rows = [_message_row(locked[message.user], message, now) for message in some]
        ids = connection.execute(insert, rows).scalars()
        stored.extend(
            StoredMessage(id, row["recipient_id"], row["stamp"])
            for id, row in zip(ids, rows, strict=True)
        )
    return stored


def _message_row(inbox: _Inbox, message: NewMessage, now: int) -> dict[str, Any]:
    inbox.unread += 1
    inbox.changed = True
    return {
        "recipient_id": inbox.user,
        "sender_id": message.sender,
        "body": message.body,
        "stamp": inbox.tick(now),
        "read_at": None,
    }


def _recount(connection: Connection, inbox: _Inbox) -> None:
    own = messages.c.recipient_id == inbox.user
    unread = select(func.count()).where(own, messages.c.read_at.is_(None))
    newest = select(func.max(messages.c.stamp)).where(own)
    head = select(func.max(notifications.c.stamp)).where(notifications.c.user_id == inbox.user)
    row = connection.execute(
        select(unread.scalar_subquery(), newest.scalar_subquery(), head.scalar_subquery())
    ).one()
    inbox.unread = row[0]
    inbox.last = max(inbox.last, row[1] or 0, row[2] or 0)
    inbox.changed = True


def _set_values(
    connection: Connection, locked: Mapping[str, _Inbox], wanted: Sequence[SetNotification]
) -> None:
    """Note on each inbox the last value wanted for a name, unless it is there already."""
    last = {(one.user, one.name): one.data for one in wanted}
    stored: dict[tuple[str, str], Any] = {}
    for some in _chunks(list(last)):
        columns = (notifications.c.user_id, notifications.c.name)
        rows = connection.execute(
            select(*columns, notifications.c.data).where(tuple_(*columns).in_(some))
        )
        stored.update(((user, name), data) for user, name, data in rows)
    for (user, name), data in last.items():
        if (user, name) not in stored or _differ(stored[user, name], data):
            locked[user].values[name] = data


def _differ(one: Any, other: Any) -> bool:
    """Whether two JSON values differ; in Python ``1 == True == 1.0`` would hide some of it."""
    return json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)


def _stamp(locked: Iterable[_Inbox], now: int) -> list[Event]:
    events: list[Event] = []
    for inbox in locked:
        if inbox.changed:
            inbox.values[UNREAD] = inbox.unread
        for name, data in inbox.values.items():
            event = Event(inbox.user, name, data, inbox.tick(now), previous=inbox.clock)
            inbox.clock = event.stamp
            events.append(event)
    return events


def _save(connection: Connection, locked: Mapping[str, _Inbox], events: Sequence[Event]) -> None:
    """Write events and clocks. The rows are locked, so an upsert is a set-based update."""
    upsert = _upsert(connection, notifications)
    new_value = upsert.on_conflict_do_update(
        index_elements=["user_id", "name"],
        set_={"data": upsert.excluded.data, "stamp": upsert.excluded.stamp},
    )
    for some in _chunks(events):
        connection.execute(
            new_value,
            [
                {"user_id": one.user, "name": one.name, "data": one.data, "stamp": one.stamp}
                for one in some
            ],
        )
    upsert = _upsert(connection, inboxes)
    new_clock = upsert.on_conflict_do_update(
        index_elements=["user_id"],
        set_={"clock": upsert.excluded.clock, "unread": upsert.excluded.unread},
    )
    for changed in _chunks([inbox for inbox in locked.values() if inbox.values]):
        connection.execute(
            new_clock,
            [
                {"user_id": inbox.user, "clock": inbox.clock, "unread": inbox.unread}
                for inbox in changed
            ],
        )
