"""When the rule asks: one grace, one request at a time. As pure as the rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .rule import Json, Rule

__all__ = ["CatchUp", "Request"]


@dataclass(eq=False)
class Request:
    """A catch-up on its way. It is itself, not what it asks: an abandoned one is another."""

    since: float
    full: bool


class CatchUp:
    """Drives a rule.

    After each call its owner looks: while ``in_grace`` is set, ``grace_over`` is due in 100 ms;
    while ``wanted`` is not None (True for a full one), ``begin`` is due as soon as a request may
    be sent and none is in ``flight``.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.flight: Request | None = None
        self.wanted: bool | None = None
        self.in_grace = False

    def push(self, event: Json) -> None:
        """A push came."""
        if self.rule.push(event):
            self.in_grace = True

    def head(self, timestamp: float) -> None:
        """The server says where the head is."""
        if not self.rule.head(timestamp):
            return
        if timestamp < self.rule.cursor:
            self.want(full=True)
        else:
            self.in_grace = True

    def read(self, answer: Json) -> None:
        """A mark-read was answered."""
        self.rule.read(answer)

    def grace_over(self) -> None:
        """Two workers may publish out of order, so holes had a moment to close by themselves."""
        self.in_grace = False
        # With a request under way its answer decides: holes it leaves start a new grace.
        if self.rule.holes and self.flight is None:
            self.want(full=any(previous == stamp for previous, stamp in self.rule.holes))

    def want(self, full: bool) -> None:
        """Ask for a catch-up.

        A full one waits for the request under way, whose answer may be older; a quick one need
        not, because holes that still gape then ask again.
        """
        if self.flight is None or full:
            self.wanted = full or bool(self.wanted)

    def begin(self) -> Request | None:
        """The request that leaves now, if one is wanted and none is under way."""
        if self.flight is None and self.wanted is not None:
            full, self.wanted = self.wanted, None
            self.flight = Request(self.rule.ask(full), full)
            return self.flight
        return None

    def answer(self, request: Request, events: Sequence[Json]) -> None:
        """A request was answered. The answer to an abandoned one is older than what followed."""
        if request is not self.flight:
            return
        self.flight = None
        self.rule.answer(request.since, events)
        if self.wanted is None and self.rule.holes:
            self.in_grace = True

    def failed(self, request: Request) -> None:
        """A request failed or was given up. It is still owed, and nothing was settled."""
        if request is self.flight:
            self.flight = None
            self.want(request.full)
