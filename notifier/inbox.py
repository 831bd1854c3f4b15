"""The stamp primitive: the one place that writes, and what can be read back.

``write`` locks the inbox rows of everyone concerned in sorted order, advances each clock under
its lock and returns the events that are now true. Because a stamp is taken under the lock and
the lock is held until the commit, stamps of one user are ordered as their commits are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select, update

from .chunks import chunks
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
from .rows import ROWS_PER_STATEMENT, InboxRow, MessageRow, Rows
from .rows_postgresql import PostgresqlRows
from .rows_sqlite import SqliteRows
from .sending import as_copies, write_copies
from .stamps import Clock, system_clock

T = TypeVar("T")

__all__ = ["badge", "heads", "since", "write", "write_free"]


@dataclass(slots=True)
class _Inbox:
    """A locked inbox row while it is being written."""

    user: str
    clock: int
    unread: int
    last: int
    # Whether the counter is to be told, and what else is: most inboxes have nothing else.
    counted: bool = False
    values: dict[str, Any] | None = None

    def row(self) -> InboxRow:
        """What is to be stored of it."""
        return InboxRow(self.user, self.clock, self.unread)

    def event(self, name: str, data: Any, now: int) -> Event:
        """The next event of this inbox, which is its head from now on."""
        event = Event(self.user, name, data, self.tick(now), self.clock)
        self.clock = event.stamp
        return event

    def tick(self, now: int) -> int:
        """The next stamp of this inbox."""
        last = self.last + 1
        self.last = now if now > last else last
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
    if copies := as_copies(todo):
        written = write_copies(_rows(connection), connection, copies, clock())
        if written is not None:
            return written
    locked = _lock(connection, _users(todo))
    return _carry_out(connection, locked, todo, clock())


def write_free(
    connection: Connection, groups: Sequence[Sequence[Operation]], clock: Clock = system_clock
) -> tuple[list[bool], Written]:
    """Carry out those of ``groups`` whose inboxes are there and nobody else's for the moment.

    Waits for no lock, so groups that have nothing to do with each other can share a transaction.
    Says of each group whether it was carried out, and what came of all that were.
    """
    users = _users(operation for group in groups for operation in group)
    locked = _lock_free(connection, users)
    free = [all(operation.user in locked for operation in group) for group in groups]
    todo = [one for group, goes in zip(groups, free, strict=True) if goes for one in group]
    return free, _carry_out(connection, locked, todo, clock())


def heads(connection: Connection, users: Sequence[str]) -> dict[str, int]:
    """The head of each of ``users`` that has an inbox, in one statement per 5,000."""
    found: dict[str, int] = {}
    for some in chunks(users, ROWS_PER_STATEMENT):
        found.update(_rows(connection).heads(connection, some))
    return found


def badge(connection: Connection, user: str) -> Badge:
    """The user's counter and head from one statement, so that they agree."""
    row = connection.execute(
        select(inboxes.c.unread, inboxes.c.clock).where(inboxes.c.user_id == user)
    ).first()
    return Badge(*row) if row else Badge(0, 0)


def since(connection: Connection, asked: Sequence[tuple[str, int]]) -> list[list[Event]]:
    """For each user and stamp in ``asked``, the user's notifications above the stamp, ascending.

    A stamp above the head (the database was restored) counts as 0. Heads and notifications are of
    one moment.
    """
    found: list[list[Event]] = [[] for _ in asked]
    for number, name, data, stamp in _rows(connection).since(connection, asked):
        found[number - 1].append(Event(asked[number - 1][0], name, data, stamp))
    return found


def _carry_out(
    connection: Connection,
    locked: Mapping[str, _Inbox],
    todo: Sequence[Operation],
    now: int,
) -> Written:
    rows = _rows(connection)
    for mark in _of(todo, MarkRead):
        _mark_read(connection, locked[mark.user], mark, now)
    for recount in _of(todo, Recount):
        _recount(connection, locked[recount.user])
    new = [_message(locked[one.user], one, now) for one in _of(todo, NewMessage)]
    _set_values(connection, rows, locked, _of(todo, SetNotification))
    events = _stamp(locked.values(), now)
    changed = [inbox.row() for inbox in locked.values() if inbox.counted or inbox.values]
    ids = rows.save(connection, new, events, changed)
    stored = [StoredMessage(ids[row.recipient, row.stamp], row.recipient, row.stamp) for row in new]
    badges = {user: Badge(inbox.unread, inbox.clock) for user, inbox in locked.items()}
    return Written(stored, events, badges)


def _rows(connection: Connection) -> Rows:
    return SqliteRows() if connection.dialect.name == "sqlite" else PostgresqlRows()


def _users(operations: Iterable[Operation]) -> list[str]:
    return sorted({operation.user for operation in operations})


def _lock(connection: Connection, users: Sequence[str]) -> dict[str, _Inbox]:
    return _as_inboxes(_rows(connection).lock(connection, users))


def _lock_free(connection: Connection, users: Sequence[str]) -> dict[str, _Inbox]:
    return _as_inboxes(_rows(connection).lock_free(connection, users))


def _as_inboxes(rows: Iterable[Any]) -> dict[str, _Inbox]:
    return {user: _Inbox(user, clock, unread, clock) for user, clock, unread in rows}


def _of(operations: Iterable[Operation], kind: type[T]) -> list[T]:
    return [operation for operation in operations if isinstance(operation, kind)]


def _mark_read(connection: Connection, inbox: _Inbox, mark: MarkRead, now: int) -> None:
    chosen = messages.c.id.in_(mark.ids) if mark.ids else messages.c.stamp <= mark.up_to
    marked = connection.execute(
        update(messages)
        .where(messages.c.recipient_id == inbox.user, messages.c.read_at.is_(None), chosen)
        .values(read_at=now)
    ).rowcount
    inbox.unread -= marked
    inbox.counted = inbox.counted or marked > 0


def _message(inbox: _Inbox, message: NewMessage, now: int) -> MessageRow:
    inbox.unread += 1
    inbox.counted = True
    return MessageRow(inbox.user, message.sender, message.body, inbox.tick(now))


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
    inbox.counted = True


def _set_values(
    connection: Connection,
    rows: Rows,
    locked: Mapping[str, _Inbox],
    wanted: Sequence[SetNotification],
) -> None:
    """Note on each inbox the last value wanted for a name, unless it is there already."""
    last = {(one.user, one.name): one.data for one in wanted}
    stored: dict[tuple[str, str], Any] = {}
    for some in chunks(list(last), ROWS_PER_STATEMENT):
        stored.update(((user, name), data) for user, name, data in rows.values(connection, some))
    for (user, name), data in last.items():
        if (user, name) not in stored or _differ(stored[user, name], data):
            inbox = locked[user]
            inbox.values = {**(inbox.values or {}), name: data}


def _differ(one: Any, other: Any) -> bool:
    """Whether two JSON values differ; in Python ``1 == True == 1.0`` would hide some of it."""
    return json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)


def _stamp(locked: Iterable[_Inbox], now: int) -> list[Event]:
    events: list[Event] = []
    for inbox in locked:
        if inbox.values:
            events += [inbox.event(name, data, now) for name, data in inbox.values.items()]
        if inbox.counted:
            events.append(inbox.event(UNREAD, inbox.unread, now))
    return events
