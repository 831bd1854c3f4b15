"""The client rule of the wire contract in Python, for clients that tests run by the hundred.

It is written from the contract, independently of the browser's ``rule.js``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Rule:
    """One client's state. ``shown`` is everything that was ever shown, for assertions."""

    cursor: float = 0.0
    values: dict[str, tuple[float, Any]] = field(default_factory=dict)
    holes: set[tuple[float, float]] = field(default_factory=set)
    shown: list[tuple[str, float, Any]] = field(default_factory=list)
    _at_request: tuple[float, set[tuple[float, float]]] = (0.0, set())
    _pushed: set[str] = field(default_factory=set)

    def push(self, event: Json) -> bool:
        """Take a push; True if something is missing, so that a grace should start."""
        if event["timestamp"] <= self.cursor:
            return False
        self._show(event)
        self._pushed.add(event["name"])
        self.holes.add((event["previous"], event["timestamp"]))
        self._advance()
        return bool(self.holes)

    def head(self, timestamp: float) -> bool:
        """Take a head; True if a full catch-up is due (after a grace if it is above)."""
        if timestamp > self.cursor:
            self.holes.add((timestamp, timestamp))
        return timestamp != self.cursor

    def ask(self, full: bool) -> float:
        """Begin a catch-up; the ``since`` to ask for."""
        self._at_request = (self.cursor, set(self.holes))
        self._pushed = set()
        return 0.0 if full else self.cursor

    def answer(self, since: float, events: list[Json]) -> None:
        """Apply the answer to a catch-up that asked for ``since``."""
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

    def value(self, name: str) -> Any:
        """What is shown for ``name``; 0 if nothing is."""
        return self.values.get(name, (0.0, 0))[1]

    def _replace(self, events: list[Json]) -> None:
        answered = {event["name"]: event for event in events}
        for name in self.values.keys() - answered.keys() - self._pushed:
            del self.values[name]
        for name, event in answered.items():
            if name in self._pushed:
                self._show(event)
            elif self.values.get(name) != (event["timestamp"], event["data"]):
                self.values[name] = (event["timestamp"], event["data"])
                self.shown.append((name, event["timestamp"], event["data"]))

    def _show(self, event: Json) -> None:
        name, timestamp = event["name"], event["timestamp"]
        if timestamp > self.values.get(name, (0.0, None))[0]:
            self.values[name] = (timestamp, event["data"])
            self.shown.append((name, timestamp, event["data"]))

    def _advance(self) -> None:
        moved = True
        while moved:
            moved = False
            for previous, timestamp in self.holes:
                if previous <= self.cursor < timestamp:
                    self.cursor = timestamp
                    moved = True
        self.holes = {hole for hole in self.holes if hole[1] > self.cursor}
