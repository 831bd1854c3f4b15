"""What waits for Redis: bounded, expiring, and at most one event for each user and name."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from ..operations import Event

__all__ = ["Backlog", "Waiting"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that waits, and the monotonic time in seconds at which that stops making sense."""

    event: Event
    expires: float


class Backlog:
    """A queue of events in which a newer value replaces an older one of the same name.

    An event carries ``previous``, the head before it, by which clients notice gaps. When a value
    is replaced, the queued event that followed it takes over its ``previous``: for that one gap
    the newer value answers. Every other event keeps its own, so that a gap that is real stays
    visible. Giving the newer value itself the oldest ``previous`` instead would hide the events
    of other names in between.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: OrderedDict[tuple[str, str], Waiting] = OrderedDict()
        self._following: dict[tuple[str, int], tuple[str, str]] = {}
        self.coalesced = 0

    def __len__(self) -> int:
        """How many events wait."""
        return len(self._waiting)

    def add(self, event: Event, expires: float) -> list[Event]:
        """Queue ``event``; the oldest events, which no longer fit."""
        self._place(Waiting(event, expires), last=True)
        return self._trim()

    def put_back(self, batch: Sequence[Waiting]) -> list[Event]:
        """Queue what was taken before everything else again; the events that no longer fit."""
        for waiting in reversed(batch):
            self._place(waiting, last=False)
        return self._trim()

    def take(self, most: int) -> list[Waiting]:
        """Take up to ``most`` events, oldest first."""
        return [self._pop_first() for _ in range(min(most, len(self._waiting)))]

    def expire(self, now: float) -> list[Event]:
        """Take the events at the front whose time is over."""
        over: list[Event] = []
        while self._waiting and next(iter(self._waiting.values())).expires < now:
            over.append(self._pop_first().event)
        return over

    def _place(self, waiting: Waiting, last: bool) -> None:
        event = waiting.event
        key = (event.user, event.name)
        queued = self._waiting.get(key)
        if queued is None:
            self._insert(key, waiting, last)
        elif queued.event.stamp < event.stamp:
            self._remove(key)
            self._insert(key, waiting, last)
            self._bridge(queued.event)
        elif queued.event.stamp > event.stamp:
            self._bridge(event)

    def _insert(self, key: tuple[str, str], waiting: Waiting, last: bool) -> None:
        self._waiting[key] = waiting
        self._following[waiting.event.user, waiting.event.previous] = key
        if not last:
            self._waiting.move_to_end(key, last=False)

    def _remove(self, key: tuple[str, str]) -> Waiting:
        waiting = self._waiting.pop(key)
        self._following.pop((waiting.event.user, waiting.event.previous), None)
        return waiting

    def _bridge(self, replaced: Event) -> None:
        """Let the event that followed ``replaced``, if it waits here, follow what it followed."""
        self.coalesced += 1
        key = self._following.pop((replaced.user, replaced.stamp), None)
        if key is None:
            return
        waiting = self._waiting[key]
        event = dataclasses.replace(waiting.event, previous=replaced.previous)
        self._waiting[key] = dataclasses.replace(waiting, event=event)
        self._following[replaced.user, replaced.previous] = key

    def _trim(self) -> list[Event]:
        over = len(self._waiting) - self._size
        return [self._pop_first().event for _ in range(over)] if over > 0 else []

    def _pop_first(self) -> Waiting:
        return self._remove(next(iter(self._waiting)))
