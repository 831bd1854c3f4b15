"""What ought to be in the database, kept beside it in plain Python."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from notifier.models import UNREAD
from notifier.operations import Event, MarkRead, NewMessage, Operation, SetNotification
from tests.proof.site import Rows, StoredMessage


@dataclass
class Truth:
    """The present: what a restore takes back together with the database."""

    history: dict[str, list[Event]] = field(default_factory=dict)
    messages: dict[tuple[str, str], bool] = field(default_factory=dict)
    values: dict[tuple[str, str], Any] = field(default_factory=dict)
    orders: set[int] = field(default_factory=set)

    def head(self, user: str) -> int:
        events = self.history.get(user)
        return events[-1].stamp if events else 0

    def latest(self, user: str, name: str) -> Event | None:
        events = reversed(self.history.get(user, []))
        return next((event for event in events if event.name == name), None)


class Ledger:
    """The truth, and what is known of every stamp that was ever given.

    ``undone`` are the events that a restore took back, ``once_undone`` also those that a later
    restore, of a newer backup, has brought back since. ``meaning`` tells which event a value that
    is shown with a stamp came from: a page and the answer to a mark-read carry the unread count
    with the head's stamp, which may be that of another name.
    """

    def __init__(self) -> None:
        self.truth = Truth()
        self.undone: set[tuple[str, int]] = set()
        self.once_undone: set[tuple[str, int]] = set()
        self.meaning: dict[tuple[str, str, int], Event | None] = {}
        self.highest = 0

    def commit(self, events: Iterable[Event]) -> None:
        """Note events in the order of their commits: each follows the one before it."""
        for event in events:
            head = self.truth.head(event.user)
            assert event.previous == head, f"{event} does not follow {head}"
            assert event.stamp > head, f"{event} is not after {head}, which was committed before"
            self.truth.history.setdefault(event.user, []).append(event)
            self.meaning[event.user, event.name, event.stamp] = event
            self.highest = max(self.highest, event.stamp)

    def expect(self, operations: Sequence[Operation], orders: Iterable[int], before: Rows) -> None:
        """Note what a committed transaction asked for; ``before`` gives messages their ids."""
        for operation in operations:
            if isinstance(operation, MarkRead):
                self._mark(operation, before)
        for operation in operations:
            if isinstance(operation, NewMessage):
                self.truth.messages[operation.user, operation.body] = False
            elif isinstance(operation, SetNotification):
                self.truth.values[operation.user, operation.name] = operation.data
        self.truth.orders.update(orders)

    def compare(self, rows: Rows, before: Rows) -> None:
        """Hold the rows against the truth. ``before`` are the rows before the last change."""
        stored = {key: message.read for key, message in rows.messages.items()}
        assert stored == self.truth.messages, "messages are not what was committed"
        assert rows.orders == self.truth.orders, "host rows are not what was committed"
        named = {key: data for key, (data, _) in rows.notifications.items() if key[1] != UNREAD}
        assert named == self.truth.values, "values are not what was committed"
        for user in rows.users:
            self._compare_user(user, rows)
        for key in rows.messages.keys() - before.messages.keys():
            self._compare_new(rows.messages[key], before)

    def understand(self, user: str, name: str, stamp: int) -> None:
        """Note that ``stamp`` now stands for the present value of ``name``."""
        self.meaning.setdefault((user, name, stamp), self.truth.latest(user, name))

    def is_undone(self, event: Event) -> bool:
        return (event.user, event.stamp) in self.undone

    def was_undone(self, event: Event) -> bool:
        """Whether an answer may have been computed while this event was undone."""
        return (event.user, event.stamp) in self.once_undone

    def checkpoint(self) -> Truth:
        return copy.deepcopy(self.truth)

    def restore(self, checkpoint: Truth) -> None:
        self.undone |= self._stamps()
        self.truth = copy.deepcopy(checkpoint)
        self.undone -= self._stamps()
        self.once_undone |= self.undone

    def _stamps(self) -> set[tuple[str, int]]:
        return {(user, one.stamp) for user, events in self.truth.history.items() for one in events}

    def _mark(self, mark: MarkRead, before: Rows) -> None:
        for key, row in before.messages.items():
            chosen = row.id in mark.ids if mark.ids else row.stamp <= mark.up_to
            if row.user == mark.user and chosen:
                self.truth.messages[key] = True

    def _compare_user(self, user: str, rows: Rows) -> None:
        clock, unread = rows.inboxes.get(user, (0, 0))
        assert unread == rows.unread(user), f"{user}: the counter is {unread}, not the count"
        assert clock == rows.head(user), f"{user}: the clock {clock} is not the head"
        assert clock == self.truth.head(user), f"{user}: the head {clock} is not the last event"
        for name, (data, stamp) in rows.of(user).items():
            event = self.truth.latest(user, name)
            assert event is not None, f"{user}: {name} was never announced"
            assert (event.data, event.stamp) == (data, stamp), f"{user}: {name} is not {event}"

    def _compare_new(self, message: StoredMessage, before: Rows) -> None:
        older = max((m.stamp for m in before.messages_of(message.user)), default=0)
        assert message.stamp > older, f"{message} is not after the one before it"
        self.highest = max(self.highest, message.stamp)
