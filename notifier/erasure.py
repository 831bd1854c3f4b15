"""A user is forgotten: what was received, what was told, and whose name stands on what was sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, delete, select, update

from . import inbox
from .chunks import chunks
from .database import long_reader
from .expiry import remove_empty
from .idempotency import user_label
from .models import UNREAD, idempotency, inboxes, messages, notifications
from .operations import Event, Recount
from .parts import PART, lock_inboxes, paced, spans
from .stamps import Clock
from .store import Store

__all__ = ["Erased", "erase"]


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased of a user.

    ``sent`` counts the messages in other inboxes that have no sender now. ``empty_inbox`` tells
    whether an empty inbox is left, which ``expire`` removes once it is a day old.
    """

    messages: int
    notifications: int
    sent: int
    empty_inbox: bool


class _Part(NamedTuple):
    messages: int
    notifications: int
    events: list[Event]
    last: bool


def erase(store: Store, user: str, clock: Clock, settled: int) -> Erased:
    """Delete what ``user`` received and was told, and the sender of what ``user`` sent.

    The empty inbox goes too if its clock stands before the stamp ``settled``.
    """
    deleted = told = 0
    for part in _emptied(store, user, clock):
        store.publisher.publish(part.events)
        deleted += part.messages
        told += part.notifications
    sent = sum(_forget_sender(store, user, span) for span in spans(store.engine))
    _forget_requests(store, user)
    remove_empty(store.engine, settled, among=inboxes.c.user_id == user)
    return Erased(deleted, told, sent, user in store.heads([user]))


def _emptied(store: Store, user: str, clock: Clock) -> Iterator[_Part]:
    last = False
    while not last:
        part = paced(partial(_empty_some, store, user, clock))
        last = part.last
        yield part


def _empty_some(store: Store, user: str, clock: Clock) -> _Part:
    """Delete the oldest messages of ``user``, and after the last of them all else but the clock."""
    own = messages.c.recipient_id == user
    others = and_(notifications.c.user_id == user, notifications.c.name != UNREAD)
    oldest = select(messages.c.stamp).where(own).order_by(messages.c.stamp)
    with store.engine.begin() as connection:
        unread = lock_inboxes(connection, [user]).get(user, 0)
        end = connection.execute(oldest.offset(PART - 1).limit(1)).scalar()
        some = own if end is None else and_(own, messages.c.stamp <= end)
        deleted = connection.execute(delete(messages).where(some)).rowcount
        told = 0
        if end is None:
            told = connection.execute(delete(notifications).where(others)).rowcount
        events: list[Event] = []
        if told or unread:
            # The badge is stamped and the clock stays, or pages would be ahead of what comes next.
            events = inbox.write(connection, [Recount(user)], clock).events
    return _Part(deleted, told, events, last=end is None)


def _forget_sender(store: Store, user: str, span: ColumnElement[bool]) -> int:
    sent = and_(span, messages.c.sender_id == user)
    query = select(messages.c.id, messages.c.recipient_id).where(sent).order_by(messages.c.id)
    with long_reader(store.engine).connect() as connection:
        found = [(row.id, row.recipient_id) for row in connection.execute(query)]
    return sum([paced(partial(_anonymise, store, user, some)) for some in chunks(found, PART)])


def _forget_requests(store: Store, user: str) -> None:
    """Delete what was answered to requests of ``user``."""
    with store.engine.begin() as connection:
        connection.execute(delete(idempotency).where(idempotency.c.caller == user_label(user)))


def _anonymise(store: Store, user: str, found: Sequence[tuple[int, str]]) -> int:
    # SQLite gives the id of a deleted newest message to the next one, so the sender counts too.
    chosen = and_(messages.c.id.in_([id for id, _ in found]), messages.c.sender_id == user)
    with store.engine.begin() as connection:
        # Others change a message under the lock of its inbox, so none of them can wait for us here.
        lock_inboxes(connection, list({recipient for _, recipient in found}))
        return connection.execute(update(messages).where(chosen).values(sender_id=None)).rowcount
