"""Rows on PostgreSQL: each column travels as one array.

So a statement is compiled once and makes one round trip, however many rows it carries.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

from sqlalchemy import Connection, TextClause, text

from .chunks import chunks
from .models import UNREAD, notifications
from .operations import Event, NewMessage
from .rows import DATA, NEWS, ROWS_PER_STATEMENT, InboxRow, MessageRow

__all__ = ["PostgresqlRows"]


def _appending(lock: str, rows: str) -> TextClause:
    """Messages, counters, their events and clocks in one statement, the locks included.

    What is computed comes from the locked rows: they are the newest, the statement's own moment
    is not. Both arguments are SQL of this file.
    """
    return text(
        "WITH locked AS MATERIALIZED ("  # noqa: S608
        " SELECT user_id, clock, unread FROM inboxes"
        f" WHERE user_id = ANY (CAST(:users AS text[])) ORDER BY user_id {lock}"
        "), stamped AS MATERIALIZED ("
        " SELECT user_id, clock AS previous, unread + added AS unread, added,"
        " greatest(CAST(:now AS bigint), clock + 1) AS stamp FROM locked"
        " JOIN unnest(CAST(:users AS text[]), CAST(:added AS integer[])) AS given (user_id, added)"
        " USING (user_id)"
        "), told AS ("
        " INSERT INTO notifications (user_id, name, data, stamp)"
        " SELECT user_id, CAST(:name AS text), to_json(unread), stamp + added FROM stamped"
        " ON CONFLICT (user_id, name)"
        " DO UPDATE SET data = excluded.data, stamp = excluded.stamp"
        "), clocked AS ("
        " UPDATE inboxes SET clock = stamped.stamp + added, unread = stamped.unread"
        " FROM stamped WHERE inboxes.user_id = stamped.user_id"
        f"), stored AS (INSERT INTO messages (recipient_id, sender_id, body, stamp) {rows}"
        " RETURNING id, recipient_id, stamp"
        ") SELECT id, user_id, stored.stamp, previous, unread, stamped.stamp + added"
        " FROM stored JOIN stamped ON user_id = recipient_id ORDER BY stored.stamp"
    )


class PostgresqlRows:
    """``Rows`` on PostgreSQL."""

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
    # Row by row, also where the planner would rather read small tables whole; and nothing of
    # notifications where the clock says that there is nothing new.
    _since = text(
        "SELECT number, name, CAST(data AS text) AS data, stamp"
        " FROM unnest(CAST(:users AS text[]), CAST(:stamps AS bigint[]))"
        " WITH ORDINALITY AS asked (user_id, since, number)"
        " CROSS JOIN LATERAL"
        " (SELECT clock FROM inboxes WHERE inboxes.user_id = asked.user_id OFFSET 0) AS head"
        " CROSS JOIN LATERAL (SELECT name, data, stamp FROM notifications"
        " WHERE notifications.user_id = asked.user_id AND clock <> since"
        " AND stamp > CASE WHEN since > clock THEN 0 ELSE since END OFFSET 0) AS news"
        " ORDER BY stamp"
    ).columns(*NEWS)
    _values = text(
        "SELECT user_id, name, CAST(data AS text) AS data FROM notifications"
        " JOIN unnest(CAST(:users AS text[]), CAST(:names AS text[])) AS given (user_id, name)"
        " USING (user_id, name)"
    ).columns(notifications.c.user_id, notifications.c.name, DATA)
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

    _append = _appending(
        "FOR UPDATE SKIP LOCKED",
        "SELECT user_id, sender, body, stamp + place FROM unnest("
        "CAST(:recipients AS text[]), CAST(:senders AS text[]), CAST(:bodies AS text[]),"
        " CAST(:places AS integer[])) AS given (user_id, sender, body, place)"
        " JOIN stamped USING (user_id) ORDER BY place",
    )
    _append_copies = _appending(
        "FOR UPDATE",
        "SELECT user_id, CAST(:sender AS text), CAST(:body AS text), stamp FROM stamped",
    )

    def lock(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        """See ``Rows``."""
        given = {"users": list(users)}
        connection.execute(self._missing, given)
        return connection.execute(self._lock, given).all()

    def heads(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        """See ``Rows``."""
        return connection.execute(self._heads, {"users": list(users)}).all()

    def since(self, connection: Connection, asked: Sequence[tuple[str, int]]) -> Iterable[Any]:
        """See ``Rows``."""
        users, stamps = zip(*asked, strict=True)
        given = {"users": list(users), "stamps": list(stamps)}
        return connection.execute(self._since, given).all()

    def lock_free(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        """See ``Rows``."""
        return connection.execute(self._lock_free, {"users": list(users)}).all()

    def append(
        self, connection: Connection, messages: Sequence[NewMessage], now: int
    ) -> Iterable[Any]:
        """Store messages, with counters, their events and clocks, for inboxes as ``lock_free``.

        Returns id, user and stamp of each message that was stored, and the previous head, the
        counter and the new head of its inbox.
        """
        added: dict[str, int] = {}
        places: list[int] = []
        for one in messages:
            place = added.get(one.user, 0)
            added[one.user] = place + 1
            places.append(place)
        given = {
            **_to(list(added), list(added.values()), now),
            "recipients": [one.user for one in messages],
            "senders": [one.sender for one in messages],
            "bodies": [one.body for one in messages],
            "places": places,
        }
        return connection.execute(self._append, given).all()

    def append_copies(
        self, connection: Connection, users: Sequence[str], sender: str | None, body: str, now: int
    ) -> Iterable[Any] | None:
        """See ``Rows``."""
        connection.execute(self._missing, {"users": list(users)})
        return self._copies(connection, users, {"sender": sender, "body": body}, now)

    def _copies(
        self, connection: Connection, users: Sequence[str], message: dict[str, Any], now: int
    ) -> Iterator[Any]:
        for some in chunks(users, ROWS_PER_STATEMENT):
            given = {**_to(list(some), [1] * len(some), now), **message}
            yield from connection.execute(self._append_copies, given).all()

    def values(self, connection: Connection, keys: Sequence[tuple[str, str]]) -> Iterable[Any]:
        """See ``Rows``."""
        users, names = zip(*keys, strict=True)
        return connection.execute(self._values, {"users": list(users), "names": list(names)})

    def save(
        self,
        connection: Connection,
        new: Sequence[MessageRow],
        events: Sequence[Event],
        changed: Sequence[InboxRow],
    ) -> dict[tuple[str, int], int]:
        """See ``Rows``."""
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


def _to(users: list[str], added: list[int], now: int) -> dict[str, Any]:
    return {"users": users, "added": added, "now": now, "name": UNREAD}


def _as_json(data: Any) -> str:
    # Counters are most of what is stored, and the encoder takes far longer for one.
    return str(data) if type(data) is int else json.dumps(data)


def _together(
    new: Sequence[MessageRow], events: Sequence[Event], changed: Sequence[InboxRow]
) -> Iterator[tuple[Sequence[MessageRow], Sequence[Event], Sequence[InboxRow]]]:
    """All three at once, as many of each as a statement may carry."""
    size = ROWS_PER_STATEMENT
    return zip_longest(chunks(new, size), chunks(events, size), chunks(changed, size), fillvalue=())
