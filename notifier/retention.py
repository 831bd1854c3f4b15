"""Retention: what is forgotten, on request or by age, and what is kept about a user.

Everything is done in parts, each a short transaction that leaves every counter right, so it may be
stopped at any point and run again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, select

from .database import reader
from .erasure import Erased, erase
from .errors import InvalidInput
from .expiry import Expired, expire_messages, expire_notifications, remove_empty
from .idempotency import Idempotency
from .models import messages
from .parts import paced
from .stamps import Clock, system_clock, to_seconds
from .store import Store

__all__ = ["SETTLED_SECONDS", "Erased", "Expired", "Retention"]

SETTLED_SECONDS = 86_400.0
"""How old an empty inbox must be to be removed. Its clock goes with it, so by less than this may a
server's clock be set back: else a new stamp could be below one that a page has seen."""

_PAGE = 500


class Retention:
    """Erases users and what is old, and exports."""

    def __init__(
        self, store: Store, clock: Clock = system_clock, settled: float = SETTLED_SECONDS
    ) -> None:
        self._store = store
        self._clock = clock
        self._settled = round(settled * 1e6)

    def erase(self, user: str) -> Erased:
        """Delete what ``user`` received and was told, and the sender of what ``user`` sent."""
        return erase(self._store, user, self._clock, self._clock() - self._settled)

    def expire(self, read_before: timedelta | datetime) -> Expired:
        """Delete messages read before then, or that long ago, and inboxes empty for a day.

        Raises InvalidInput for a time in the future, or one without a time zone.
        """
        engine = self._store.engine
        deleted = expire_messages(engine, self._stamp(read_before, "read_before"))
        # They hold user ids, and are deleted by requests otherwise, of which there may be no more.
        answers = Idempotency(lambda: self._store, self._clock)
        while paced(answers.purge):
            pass
        return Expired(deleted, remove_empty(engine, self._clock() - self._settled))

    def expire_notifications(self, names: Sequence[str], told_before: timedelta | datetime) -> int:
        """Delete notifications of ``names`` told before then, or that long ago; how many.

        Raises InvalidInput as ``expire``.
        """
        cutoff = self._stamp(told_before, "told_before")
        return expire_notifications(self._store.engine, names, cutoff)

    def export(self, user: str) -> Iterator[str]:
        """What is stored for ``user``, a line of JSON for each thing, through bounded memory."""
        for row in self._messages(user):
            yield _line({"type": "message", **_message(row)})
        for event in self._store.since(user, 0):
            yield _line({"type": "notification", **event.polled()})

    def _messages(self, user: str) -> Iterator[Row[Any]]:
        last = -1
        while True:
            some = select(messages).where(messages.c.recipient_id == user, messages.c.stamp > last)
            with reader(self._store.engine).connect() as connection:
                rows = connection.execute(some.order_by(messages.c.stamp).limit(_PAGE)).all()
            if not rows:
                return
            yield from rows
            last = rows[-1].stamp

    def _stamp(self, moment: timedelta | datetime, field: str) -> int:
        now = self._clock()
        if isinstance(moment, timedelta):
            stamp = max(0, now - moment // timedelta(microseconds=1))
        elif moment.utcoffset() is None:
            raise InvalidInput(field, "must have a time zone")
        else:
            stamp = round(moment.timestamp() * 1e6)
        if stamp > now:
            raise InvalidInput(field, "must not be in the future")
        return stamp


def _message(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "from": row.sender_id,
        "body": row.body,
        "timestamp": to_seconds(row.stamp),
        "read_at": None if row.read_at is None else to_seconds(row.read_at),
    }


def _line(thing: dict[str, Any]) -> str:
    return json.dumps(thing) + "\n"
