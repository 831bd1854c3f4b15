"""The vocabulary of the core: what can be done to an inbox, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .stamps import to_seconds

__all__ = [
    "Badge",
    "Event",
    "MarkRead",
    "NewMessage",
    "Operation",
    "Recount",
    "SetNotification",
    "StoredMessage",
    "Written",
]


@dataclass(frozen=True, slots=True)
class Event:
    """One notification as it was committed. ``previous`` is the user's head just before it.

    ``published`` is when it was handed to the broker, in microseconds since the epoch, 0 before.
    """

    user: str
    name: str
    data: Any
    stamp: int
    previous: int = 0
    published: int = field(default=0, compare=False)

    def polled(self) -> dict[str, Any]:
        """The event as an entry of a poll's answer."""
        return {"name": self.name, "data": self.data, "timestamp": to_seconds(self.stamp)}

    def pushed(self) -> dict[str, Any]:
        """The event as the argument of a push."""
        return {**self.polled(), "previous": to_seconds(self.previous)}


@dataclass(frozen=True, slots=True)
class NewMessage:
    """Add a message to ``user``'s inbox."""

    user: str
    body: str
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class SetNotification:
    """Set ``user``'s notification ``name`` to ``data``."""

    user: str
    name: str
    data: Any


@dataclass(frozen=True, slots=True)
class MarkRead:
    """Mark ``user``'s unread messages read: those with a stamp up to ``up_to``, or by ``ids``."""

    user: str
    up_to: int = 0
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Recount:
    """Set ``user``'s counter, clock and unread notification right from the rows themselves."""

    user: str


Operation = NewMessage | SetNotification | MarkRead | Recount


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message that was written, by its id and stamp."""

    id: int
    user: str
    stamp: int


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: the messages in the order of their operations, the events by stamp."""

    messages: list[StoredMessage]
    events: list[Event]
    badges: Mapping[str, Badge]


@dataclass(frozen=True, slots=True)
class Badge:
    """A user's unread counter and the head it belongs to."""

    count: int
    stamp: int

    @property
    def since(self) -> float:
        """The cursor for a page that shows ``count``."""
        return to_seconds(self.stamp)
