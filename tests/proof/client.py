"""A client: the Python client's rule and its driver, where time does not pass by itself."""

from __future__ import annotations

from dataclasses import dataclass

from notifier.client import catchup
from notifier.client.catchup import CatchUp
from tests.rule import Json, Rule


@dataclass(eq=False)
class Request(catchup.Request):
    """A catch-up on its way; ``events`` once the server has computed the answer."""

    met_before: int
    events: list[Json] | None = None
    restores: int = 0


class Client(CatchUp):
    """A driver with its wire. A test says when a grace is over, and what arrives when."""

    def __init__(self, user: str, rule: Rule) -> None:
        super().__init__(rule)
        self.user = user
        self.rule: Rule = rule
        self.wire: list[tuple[str, Json]] = []
        self.reads: list[Json] = []
        self.requests: list[Request] = []
        self.flight: Request | None = None
        self.met = 0

    @property
    def resting(self) -> bool:
        return not (self.wire or self.reads or self.in_grace or self.flight) and self.wanted is None

    def begin(self) -> None:
        asked = super().begin()
        if asked is not None:
            self.flight = Request(asked.since, asked.full, self.met)
            self.requests.append(self.flight)

    def answer(self, request: Request) -> None:
        self.requests.remove(request)
        if request.events is not None:
            super().answer(request, request.events)

    def abandon(self) -> None:
        """Give the request up; it is still owed, and its answer may yet arrive."""
        if self.flight is not None:
            self.failed(self.flight)
