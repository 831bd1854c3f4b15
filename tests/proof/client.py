"""A client: the rule of `tests/rule.py` with its grace and its one request at a time."""

from __future__ import annotations

from dataclasses import dataclass

from notifier.models import UNREAD
from tests.rule import Json, Rule


@dataclass(eq=False)
class Request:
    """A catch-up on its way; ``events`` once the server has computed the answer."""

    since: float
    full: bool
    met_before: int
    events: list[Json] | None = None
    restores: int = 0


class Client:
    """What drives the rule. Time does not pass here: a test says when a grace is over."""

    def __init__(self, user: str, rule: Rule) -> None:
        self.user = user
        self.rule = rule
        self.wire: list[tuple[str, Json]] = []
        self.reads: list[Json] = []
        self.requests: list[Request] = []
        self.flight: Request | None = None
        self.wanted: bool | None = None
        self.in_grace = False
        self.met = 0

    @property
    def resting(self) -> bool:
        return not (self.wire or self.reads or self.in_grace or self.flight) and self.wanted is None

    def push(self, event: Json) -> None:
        if self.rule.push(event):
            self.in_grace = True

    def head(self, timestamp: float) -> None:
        if not self.rule.head(timestamp):
            return
        if timestamp < self.rule.cursor:
            self.want(full=True)
        else:
            self.in_grace = True

    def read(self, answer: Json) -> None:
        """Show the answer to a mark-read; like a push it is newer than an answer on its way."""
        before = self.rule.values.get(UNREAD)
        event = {"name": UNREAD, "data": answer["unread"], "timestamp": answer["timestamp"]}
        self.rule._show(event)
        if self.rule.values.get(UNREAD) != before:
            self.rule._pushed.add(UNREAD)

    def grace_over(self) -> None:
        self.in_grace = False
        if self.rule.holes and self.flight is None:
            self.want(full=any(previous == stamp for previous, stamp in self.rule.holes))

    def want(self, full: bool) -> None:
        """Ask for a catch-up. A full one waits for its turn, a quick one is under way already."""
        if self.flight is None or full:
            self.wanted = full or bool(self.wanted)

    def begin(self) -> None:
        if self.flight is None and self.wanted is not None:
            full, self.wanted = self.wanted, None
            self.flight = Request(self.rule.ask(full), full, self.met)
            self.requests.append(self.flight)

    def answer(self, request: Request) -> None:
        self.requests.remove(request)
        if request is not self.flight or request.events is None:
            return
        self.flight = None
        self.rule.answer(request.since, request.events)
        if self.wanted is None and self.rule.holes:
            self.in_grace = True

    def abandon(self) -> None:
        """Give the request up; it is still owed, and its answer may yet arrive."""
        if self.flight is not None:
            full = self.flight.full
            self.flight = None
            self.want(full)
