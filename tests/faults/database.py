"""The truth: what the database says, asked on a way of its own that no fault touches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import func, insert, select, text

from notifier import Notifier
from notifier.app.users import User
from notifier.models import UNREAD, inboxes, messages
from tests.faults.client import Client
from tests.faults.load import Sent


class Database:
    """The database of a world, and what it knows of the world's clients and sends."""

    def __init__(self, url: str) -> None:
        self._notifier = Notifier.from_url(url)

    def empty(self, users: Collection[str]) -> None:
        """Make the tables if need be, and leave nothing in them but ``users``."""
        self._notifier.register_tables(User.metadata)
        self._notifier.create_tables()
        with self._notifier.engine.begin() as connection:
            connection.execute(text("TRUNCATE messages, notifications, inboxes, users"))
            # Nobody signs in with a password here.
            rows = [{"username": user, "password_hash": "", "nonce": ""} for user in users]
            connection.execute(insert(User), rows)

    def close(self) -> None:
        self._notifier.engine.dispose()

    def unread(self) -> Mapping[str, int]:
        """The unread messages of each user who has some, counted."""
        query = select(messages.c.recipient_id, func.count()).where(messages.c.read_at.is_(None))
        with self._notifier.engine.connect() as connection:
            rows = connection.execute(query.group_by(messages.c.recipient_id))
            return {str(user): int(count) for user, count in rows}

    def newest(self) -> float:
        """The newest stamp of all, in seconds."""
        with self._notifier.engine.connect() as connection:
            return float(connection.execute(select(func.max(inboxes.c.clock))).scalar_one() / 1e6)

    def audit(self) -> int:
        """How many counters, badges and clocks do not agree with the rows."""
        return len(self._notifier.audit())

    def lost(self, sends: Iterable[Sent]) -> int:
        """How many messages that were answered 201 are not there."""
        answered = {one.id for one in sends if one.status == 201}
        with self._notifier.engine.connect() as connection:
            return len(answered - set(connection.execute(select(messages.c.id)).scalars()))

    def untrue(self, clients: Iterable[Client]) -> int:
        """How many counts were shown that were never true of their user.

        Valid while nobody marks messages read: the n-th message then makes the count n, and the
        stamp of that count lies between the stamps of this message and of the next one.
        """
        stamps: dict[str, list[int]] = defaultdict(list)
        query = select(messages.c.recipient_id, messages.c.stamp).order_by(messages.c.stamp)
        with self._notifier.engine.connect() as connection:
            for user, stamp in connection.execute(query):
                stamps[user].append(stamp)
        return sum(
            not _was_true(stamps[client.user], timestamp, data)
            for client in clients
            for name, timestamp, data in client.rule.shown
            if name == UNREAD
        )


def _was_true(stamps: Sequence[int], timestamp: float, count: int) -> bool:
    stamp = round(timestamp * 1e6)
    if not 0 < count <= len(stamps) or not stamps[count - 1] < stamp:
        return False
    return count == len(stamps) or stamp < stamps[count]
