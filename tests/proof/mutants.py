"""Parts that look right and are not. Each takes one decision the naive way."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, update
from sqlalchemy.orm import Session

from notifier import inbox
from notifier.broker.backlog import Backlog
from notifier.models import inboxes
from notifier.operations import Event, NewMessage, Operation
from notifier.publisher import Publisher
from notifier.staging import Staging
from notifier.stamps import Clock
from notifier.transactions import engine_of
from notifier.web.presence import Presence
from tests.rule import Json, Rule


class CountThenWrite(Staging):
    """Counts when something is sent, and writes what it counted when that commits."""

    def __init__(self, publisher: Publisher, clock: Clock) -> None:
        super().__init__(publisher, clock)
        self._counts: WeakKeyDictionary[Session, dict[str, int]] = WeakKeyDictionary()

    def stage(self, session: Session, operations: Sequence[Operation]) -> None:
        super().stage(session, operations)
        counts = self._counts.setdefault(session, {})
        for operation in operations:
            if isinstance(operation, NewMessage):
                known = counts.setdefault(
                    operation.user, _count(engine_of(session), operation.user)
                )
                counts[operation.user] = known + 1

    def write(self, session: Session, staged: Any) -> None:
        super().write(session, staged)
        for user, unread in self._counts.get(session, {}).items():
            session.connection().execute(
                update(inboxes).where(inboxes.c.user_id == user).values(unread=unread)
            )


def _count(engine: Engine, user: str) -> int:
    with engine.execution_options(notifier_read_only=True).connect() as connection:
        return inbox.badge(connection, user).count


class PublishBeforeCommit(Staging):
    """Publishes what it has written without waiting for the commit."""

    def write(self, session: Session, staged: Any) -> None:
        super().write(session, staged)
        self._publisher.publish([event for event, _ in staged.events])


class AdvanceOnAnyPush(Rule):
    """A push moves the cursor, whatever came before it."""

    def push(self, event: Json) -> bool:
        if event["timestamp"] > self.cursor:
            self._show(event)
            self.cursor = event["timestamp"]
        return False


class SurvivorTakesOldest(Backlog):
    """The newer value claims to follow what the older one followed."""

    def _bridge(self, replaced: Event) -> None:
        key = (replaced.user, replaced.name)
        waiting = self._waiting[key]
        oldest = min(replaced.previous, waiting.event.previous)
        event = dataclasses.replace(waiting.event, previous=oldest)
        self._waiting[key] = dataclasses.replace(waiting, event=event)


class OneTabToldIsAllTold(Presence):
    """The head that a new tab is told counts as told to the user's whole room."""

    def tell_one(self, sid: str, stamp: int) -> None:
        self.tell(self._user[sid], stamp)


_ticks = count()


def wall_clock(row: Any, now: int) -> int:
    """In place of a locked row's `tick`: the time of day, made unique."""
    row.last = now + next(_ticks)
    return int(row.last)


_lock = inbox._lock


def look_then_lock(connection: Connection, users: Sequence[str]) -> Any:
    """In place of `_lock`: what was read before the wait for the lock is taken as true after it."""
    before = {user: inbox.badge(connection, user) for user in users}
    locked = _lock(connection, users)
    for user, row in locked.items():
        row.unread, row.clock = before[user].count, before[user].stamp
        row.last = row.clock
    return locked
