"""Messages and nothing else: most of what is written, and where it can be, in one statement.

The database locks the inboxes, stamps, counts and stores (``rows_postgresql.py``); here is what
came of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from sqlalchemy import Connection

from .models import UNREAD
from .operations import Badge, Event, NewMessage, Operation, StoredMessage, Written
from .rows import Rows
from .rows_postgresql import PostgresqlRows
from .stamps import Clock, system_clock

__all__ = ["append_free", "as_copies", "write_copies"]


def append_free(
    connection: Connection, new: Sequence[NewMessage], clock: Clock = system_clock
) -> tuple[list[Event], list[Written | None]]:
    """``inbox.write_free`` for groups of one message each, in a single statement; PostgreSQL only.

    Returns the events and what each message's group did, None for those not carried out.
    """
    found: dict[str, deque[StoredMessage]] = {}
    events: dict[str, Event] = {}
    for id, user, stamp, previous, unread, head in PostgresqlRows().append(
        connection, new, clock()
    ):
        found.setdefault(user, deque()).append(StoredMessage(id, user, stamp))
        events[user] = Event(user, UNREAD, unread, head, previous)
    return list(events.values()), [
        _appended(found[one.user].popleft(), events[one.user]) if one.user in found else None
        for one in new
    ]


def as_copies(operations: Sequence[Operation]) -> list[NewMessage]:
    """The operations, if they are one message to different users; else nothing."""
    copies = [one for one in operations if isinstance(one, NewMessage)]
    if len(copies) < len(operations) or len({(one.body, one.sender) for one in copies}) != 1:
        return []
    return copies if len({one.user for one in copies}) == len(copies) else []


def write_copies(
    rows: Rows, connection: Connection, copies: Sequence[NewMessage], now: int
) -> Written | None:
    """Carry out ``copies`` like ``inbox.write``, or return None where the database cannot."""
    users = [one.user for one in copies]
    found = rows.append_copies(connection, sorted(users), copies[0].sender, copies[0].body, now)
    if found is None:
        return None
    stored: dict[str, StoredMessage] = {}
    events: list[Event] = []
    for id, user, stamp, previous, unread, head in found:
        stored[user] = StoredMessage(id, user, stamp)
        events.append(Event(user, UNREAD, unread, head, previous))
    badges = {event.user: Badge(event.data, event.stamp) for event in events}
    return Written([stored[user] for user in users], events, badges)


def _appended(stored: StoredMessage, event: Event) -> Written:
    return Written([stored], [event], {event.user: Badge(event.data, event.stamp)})
