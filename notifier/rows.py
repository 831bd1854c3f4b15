"""The rows that the stamp primitive locks and saves, many at a time.

This is the port; ``rows_postgresql.py`` and ``rows_sqlite.py`` are its two forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import BigInteger, Connection, column

from .models import JsonText, notifications
from .operations import Event

__all__ = ["DATA", "NEWS", "ROWS_PER_STATEMENT", "InboxRow", "MessageRow", "Rows"]

ROWS_PER_STATEMENT = 5_000
"""What a statement carries at most: SQLite takes 32,766 parameters, a message has five."""


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


DATA = column("data", JsonText())
"""The data of a notification, in a statement that reads it as text."""

NEWS = (column("number", BigInteger()), notifications.c.name, DATA, notifications.c.stamp)
"""The columns of what ``since`` returns."""


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

    def since(self, connection: Connection, asked: Sequence[tuple[str, int]]) -> Iterable[Any]:
        """What is above the stamp for a user, for each of several such pairs, ascending by stamp.

        Returns the number of the pair, from 1, and name, data and stamp. A stamp above the clock
        of the user counts as 0.
        """

    def lock_free(self, connection: Connection, users: Sequence[str]) -> Iterable[Any]:
        """Lock those inboxes of ``users`` that are there and that nobody else holds."""

    def append_copies(
        self, connection: Connection, users: Sequence[str], sender: str | None, body: str, now: int
    ) -> Iterable[Any] | None:
        """Store one message for each of ``users``, with counters, their events and clocks.

        The users are sorted, and locked as by ``lock``. Returns id, user and stamp of each message
        and the previous head, the counter and the new head of its inbox; None on a database on
        which that takes no less than the single steps.
        """

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
