"""The client rule: what a client does with pushes, heads and answers.

However they are lost, late, doubled or overtaken, and whatever is restored from a backup, it
skips no event and never replaces a newer value by an older one. Pure: no timer, no request, no
clock. ``docs/protocol.md`` states it; ``static/notifier/rule.js`` is the same for browsers.

Timestamps are float64 seconds that carry whole microseconds exactly, so they are compared as
they came and never computed with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["UNREAD", "Json", "Rule"]

Json = Mapping[str, Any]
Hole = tuple[float, float]

UNREAD = "unread_message_count"
"""The name under which the server counts unread messages."""


def _nobody(_name: str, _data: Any, _timestamp: float) -> None:
    """Changes may go unwatched: ``values`` has them all."""


@dataclass
class Rule:
    """What one client knows: the cursor, each name's stamp and value, and the holes.

    ``changed`` is told of every value that is shown, as (name, data, timestamp), and with
    (name, None, 0.0) of a name that the database no longer has.
    """

    cursor: float = 0.0
    values: dict[str, tuple[float, Any]] = field(default_factory=dict)
    holes: set[Hole] = field(default_factory=set)
    changed: Callable[[str, Any, float], None] = _nobody
    _at_request: tuple[float, frozenset[Hole]] = (0.0, frozenset())
    _pushed: set[str] = field(default_factory=set)

    def push(self, event: Json) -> bool:
        """Take a push; True if something is missing, so that a grace should start.

        The cursor follows along an unbroken chain of ``previous`` only: a push proves itself,
        not the ones before it, which may be lost.
        """
        if event["timestamp"] <= self.cursor:
            return False
        self._show(event)
        self.holes.add((event["previous"], event["timestamp"]))
        self._advance()
        return bool(self.holes)

    def head(self, timestamp: float) -> bool:
        """Take a head; True if a full catch-up is due, after a grace if it is above the cursor.

        It may be late, so below the cursor it proves nothing: only an answer can reset.
        """
        if timestamp > self.cursor:
            self.holes.add((timestamp, timestamp))
        return timestamp != self.cursor

    def ask(self, full: bool) -> float:
        """A catch-up leaves now; the ``since`` to ask for. Its answer settles today's holes."""
        self._at_request = (self.cursor, frozenset(self.holes))
        self._pushed = set()
        return 0.0 if full else self.cursor

    def answer(self, since: float, events: Sequence[Json]) -> None:
        """Apply the answer to the catch-up that asked for ``since``, events in ascending order.

        The server reads a ``since`` above its head as 0. So an entry at or below what was asked
        means that the database is older than we are, and that the answer is all there is.
        """
        before, remembered = self._at_request
        self.holes -= remembered
        full = since == 0 or any(event["timestamp"] <= since for event in events)
        last = events[-1]["timestamp"] if events else (0.0 if full else before)
        if full:
            self._replace(events)
            self.cursor = last if last < before else max(self.cursor, last)
        else:
            for event in events:
                self._show(event)
            self.cursor = max(self.cursor, last)
        self._advance()

    def read(self, answer: Json) -> None:
        """Take the answer to a mark-read: the value that is also being pushed.

        The cursor stays, because nothing is known about the events before it.
        """
        self._show({"name": UNREAD, "data": answer["unread"], "timestamp": answer["timestamp"]})

    def value(self, name: str) -> Any:
        """What is shown for ``name``; 0 if nothing is."""
        return self.values.get(name, (0.0, 0))[1]

    def _show(self, event: Json) -> None:
        """Show only what is newer; from here on an answer on its way may be older than it."""
        if event["timestamp"] > self.values.get(event["name"], (0.0, None))[0]:
            self._pushed.add(event["name"])
            self._take(event)

    def _take(self, event: Json) -> None:
        name, data, timestamp = event["name"], event["data"], event["timestamp"]
        if self.values.get(name) != (timestamp, data):
            self.values[name] = (timestamp, data)
            self.changed(name, data, timestamp)

    def _replace(self, events: Sequence[Json]) -> None:
        """The answer is the state, except for names that were shown since it was asked for."""
        for name in self.values.keys() - {event["name"] for event in events} - self._pushed:
            del self.values[name]
            self.changed(name, None, 0.0)
        for event in events:
            if event["name"] in self._pushed:
                self._show(event)
            else:
                self._take(event)

    def _advance(self) -> None:
        """Follow the chain. In order of ``previous`` one pass reaches all that can be reached."""
        for previous, timestamp in sorted(self.holes):
            if previous <= self.cursor:
                self.cursor = max(self.cursor, timestamp)
        self.holes = {hole for hole in self.holes if hole[1] > self.cursor}
