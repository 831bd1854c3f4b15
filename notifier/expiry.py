"""What has become old: messages that were read, notifications, and inboxes with nothing left."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import ColumnElement, Engine, and_, delete, exists, not_, or_, select, true, tuple_
from sqlalchemy.exc import SQLAlchemyError

from .chunks import chunks
from .database import lock_sqlite, long_reader
from .models import UNREAD, inboxes, messages, notifications
from .outages import is_lost_race
from .parts import PART, paced, spans

__all__ = ["Expired", "expire_messages", "expire_notifications", "remove_empty"]

log = logging.getLogger("notifier")

# Inboxes whose notifications one statement looks at.
_USERS = 1_000
# Inboxes removed in one transaction: every writer waits for it, some 10 ms.
_REMOVED = 100
# Nobody may be between finding that an inbox is there and locking it while it is removed. Every
# writer waits behind this lock, so it is asked for briefly.
_WITHOUT_WRITERS = (
    "SET LOCAL lock_timeout = 100",
    "LOCK TABLE inboxes IN SHARE ROW EXCLUSIVE MODE",
)

_EVERYONE = true()


@dataclass(frozen=True, slots=True)
class Expired:
    """How many read messages were deleted, and how many empty inboxes."""

    messages: int
    inboxes: int


def expire_messages(engine: Engine, cutoff: int) -> int:
    """Delete messages that were read before the stamp ``cutoff``; how many.

    No counter, clock or notification depends on them, so no inbox is locked.
    """
    return sum(_expire_span(engine, span, cutoff) for span in spans(engine))


def _expire_span(engine: Engine, span: ColumnElement[bool], cutoff: int) -> int:
    old = messages.c.read_at < cutoff
    with long_reader(engine).connect() as connection:
        found = connection.execute(select(messages.c.id).where(span, old)).scalars().all()
    return sum(paced(partial(_delete, engine, ids, old)) for ids in chunks(found, PART))


def _delete(engine: Engine, ids: Sequence[int], old: ColumnElement[bool]) -> int:
    with engine.begin() as connection:
        # SQLite gives the id of a deleted newest message to the next one.
        lock_sqlite(connection)
        # Waits for no row: whoever waits without the lock of an inbox could be part of a deadlock.
        free = select(messages.c.id).where(messages.c.id.in_(ids), old)
        mine = connection.execute(free.with_for_update(skip_locked=True)).scalars().all()
        return connection.execute(delete(messages).where(messages.c.id.in_(mine))).rowcount


def expire_notifications(engine: Engine, names: Sequence[str], cutoff: int) -> int:
    """Delete notifications of these names that were told before the stamp ``cutoff``; how many.

    ``*`` at the end of a name stands for anything. The newest of each user stays, whatever its
    name: the clock of the inbox stands there, and pages compare theirs with it. So do badges.
    """
    old = and_(
        or_(*map(_is_named, names)),
        notifications.c.name != UNREAD,
        notifications.c.stamp < cutoff,
        notifications.c.stamp < _clock(),
    )
    return sum(_expire_told(engine, span, old) for span in _of_users(engine))


def _is_named(name: str) -> ColumnElement[bool]:
    if name.endswith("*"):
        return notifications.c.name.startswith(name[:-1], autoescape=True)
    return notifications.c.name == name


def _clock() -> ColumnElement[int]:
    whose = inboxes.c.user_id == notifications.c.user_id
    return select(inboxes.c.clock).where(whose).correlate(notifications).scalar_subquery()


def _of_users(engine: Engine) -> Iterator[ColumnElement[bool]]:
    """Conditions that together hold for all notifications, for those of some users at a time."""
    last = ""
    while True:
        some = select(inboxes.c.user_id).where(inboxes.c.user_id > last)
        with long_reader(engine).connect() as connection:
            rows = connection.execute(some.order_by(inboxes.c.user_id).limit(_USERS))
            users = rows.scalars().all()
        if not users:
            return
        yield notifications.c.user_id.between(users[0], users[-1])
        last = users[-1]


def _expire_told(engine: Engine, span: ColumnElement[bool], old: ColumnElement[bool]) -> int:
    with long_reader(engine).connect() as connection:
        query = select(notifications.c.user_id, notifications.c.name).where(span, old)
        found = [(row.user_id, row.name) for row in connection.execute(query)]
    return sum(paced(partial(_delete_told, engine, some, old)) for some in chunks(found, PART))


def _delete_told(engine: Engine, found: Sequence[tuple[str, str]], old: ColumnElement[bool]) -> int:
    key = tuple_(notifications.c.user_id, notifications.c.name)
    with engine.begin() as connection:
        lock_sqlite(connection)
        # Waits for no row, as above. One that has been told again meanwhile is not old any more.
        free = select(notifications.c.user_id, notifications.c.name).where(key.in_(found), old)
        mine = connection.execute(free.with_for_update(skip_locked=True)).all()
        return connection.execute(delete(notifications).where(key.in_(map(tuple, mine)))).rowcount


def remove_empty(engine: Engine, cutoff: int, among: ColumnElement[bool] = _EVERYONE) -> int:
    """Remove inboxes with no message and nothing told but a 0, and that since before ``cutoff``."""
    removed = 0
    try:
        for users in _empty(engine, and_(_is_empty(cutoff), among)):
            removed += paced(partial(_remove, engine, users, cutoff))
    except SQLAlchemyError as error:
        if not is_lost_race(error):
            raise
        log.warning(
            "Empty inboxes are left for the next time, as some transaction holds inboxes (%s).",
            error,
        )
    return removed


def _empty(engine: Engine, wanted: ColumnElement[bool]) -> Iterator[Sequence[str]]:
    last = ""
    while True:
        some = select(inboxes.c.user_id).where(inboxes.c.user_id > last, wanted)
        with long_reader(engine).connect() as connection:
            rows = connection.execute(some.order_by(inboxes.c.user_id).limit(_REMOVED))
            users = rows.scalars().all()
        if not users:
            return
        yield users
        last = users[-1]


def _is_empty(cutoff: int) -> ColumnElement[bool]:
    user = inboxes.c.user_id
    told = and_(notifications.c.user_id == user, notifications.c.name != UNREAD)
    return and_(
        inboxes.c.unread == 0,
        inboxes.c.clock < cutoff,
        not_(exists().where(messages.c.recipient_id == user)),
        not_(exists().where(told)),
    )


def _remove(engine: Engine, users: Sequence[str], cutoff: int) -> int:
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            for statement in _WITHOUT_WRITERS:
                connection.exec_driver_sql(statement)
        lock_sqlite(connection)
        still = select(inboxes.c.user_id).where(inboxes.c.user_id.in_(users), _is_empty(cutoff))
        mine = connection.execute(still.with_for_update(skip_locked=True)).scalars().all()
        connection.execute(delete(notifications).where(notifications.c.user_id.in_(mine)))
        return connection.execute(delete(inboxes).where(inboxes.c.user_id.in_(mine))).rowcount
