"""Large work in small transactions: each is soon over, loses races politely and leaves a pause."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from .database import lock_sqlite, long_reader
from .models import inboxes, messages
from .outages import is_lost_race, sqlstate

__all__ = ["PART", "lock_inboxes", "paced", "spans"]

T = TypeVar("T")

PART = 500
"""Rows that one transaction changes: for some milliseconds."""

# Ids of messages that one statement looks at.
_SPAN = 10_000
# After each part everybody else has as long as it took, but no longer than this, in seconds.
_LONGEST_PAUSE = 0.1
# Seconds before each further try of a part that lost against somebody else's transaction.
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6)
# PostgreSQL: query_canceled.
_CANCELED = "57014"


def paced(part: Callable[[], T]) -> T:
    """Carry out one part and then pause. Raises what it raises at its last try."""
    began = time.monotonic()
    done = _tried(part)
    time.sleep(min(time.monotonic() - began, _LONGEST_PAUSE))
    return done


def _tried(part: Callable[[], T]) -> T:
    for pause in _PAUSES:
        try:
            return part()
        except SQLAlchemyError as error:
            if not _lost(error):
                raise
        time.sleep(pause)
    return part()


def _lost(error: SQLAlchemyError) -> bool:
    """Whether another try makes sense: a wait for a lock may end as a statement that took long."""
    return is_lost_race(error) or sqlstate(getattr(error, "orig", None)) == _CANCELED


def spans(engine: Engine) -> Iterator[ColumnElement[bool]]:
    """Conditions that together hold for all messages there are now, for some at a time each."""
    newest, last = _id(engine, func.max), 0
    while (first := _id(engine, func.min, last)) and first <= newest:
        last = min(first + _SPAN - 1, newest)
        yield messages.c.id.between(first, last)


def _id(engine: Engine, which: Callable[..., ColumnElement[Any]], above: int = 0) -> int:
    with long_reader(engine).connect() as connection:
        found = connection.execute(select(which(messages.c.id)).where(messages.c.id > above))
        return int(found.scalar() or 0)


def lock_inboxes(connection: Connection, users: Sequence[str]) -> dict[str, int]:
    """Lock those inboxes of ``users`` that are there, in the order of the stamp primitive.

    Returns their counters.
    """
    lock_sqlite(connection)
    wanted = inboxes.c.user_id.in_(sorted(users))
    query = select(inboxes.c.user_id, inboxes.c.unread).where(wanted)
    rows = connection.execute(query.order_by(inboxes.c.user_id).with_for_update())
    return {row.user_id: row.unread for row in rows}
