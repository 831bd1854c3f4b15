"""What must hold for a client after every step, and when everything has come to rest."""

from __future__ import annotations

from notifier.models import UNREAD
from notifier.operations import Event
from notifier.stamps import from_seconds, to_seconds
from tests.proof.client import Client, Request
from tests.proof.ledger import Ledger
from tests.proof.site import Rows
from tests.rule import Json, Rule


class Judged(Client):
    """A client under observation.

    ``trusted`` is false from a restore until the first answer that is the state and was computed
    after it: until then, and after a push that a restore has undone, no client can know better.
    Rows at or below ``since``, the cursor that the page came with, need not be shown.
    """

    def __init__(self, user: str, rule: Rule, ledger: Ledger, restores: int) -> None:
        super().__init__(user, rule)
        self._ledger = ledger
        self._ghosts: list[bool] = []
        self.since = from_seconds(rule.cursor)
        self.trusted = True
        self.restores = restores
        self.sid: str | None = None
        self._displayed = self.displayed()

    def displayed(self) -> dict[str, Event]:
        """The events behind what is shown; a 0 that stands for nothing is left out."""
        found = {}
        for name, (timestamp, data) in self.rule.values.items():
            event = self._ledger.meaning.get((self.user, name, from_seconds(timestamp)))
            assert (event.data if event else 0) == data, f"{name} = {data} was never committed"
            if event is not None:
                found[name] = event
        return found

    # -- what a client meets ------------------------------------------------------------------

    def push(self, event: Json) -> None:
        self._meet(event["name"], event["timestamp"])
        super().push(event)

    def read(self, answer: Json) -> None:
        self._meet(UNREAD, answer["timestamp"])
        super().read(answer)

    def answer(self, request: Request) -> None:
        if request is self.flight:
            self._settle(request)
        super().answer(request)

    def _meet(self, name: str, timestamp: float) -> None:
        """A value comes by another way than an answer; a restore may have undone it."""
        event = self._ledger.meaning[self.user, name, from_seconds(timestamp)]
        undone = event is not None and self._ledger.is_undone(event)
        self._ghosts.append(undone)
        self.met += 1
        if undone:
            self.trusted = False

    def _settle(self, request: Request) -> None:
        events = request.events or []
        is_state = request.full or any(one["timestamp"] <= request.since for one in events)
        ghosts = any(self._ghosts[request.met_before :])
        if is_state and not ghosts and request.restores == self.restores:
            self.trusted = True
            self.since = 0

    # -- what must hold -----------------------------------------------------------------------

    def check(self, rows: Rows) -> None:
        self._check_replaced()
        if self.trusted:
            self._check_skipped(rows)

    def _check_replaced(self) -> None:
        before, self._displayed = self._displayed, self.displayed()
        for name, old in before.items():
            new = self._displayed.get(name)
            older = new is None or new.stamp < old.stamp
            assert not older or self._ledger.was_undone(old), (
                f"{self.user}: {name} went back from {old} to {new}"
            )

    def _check_skipped(self, rows: Rows) -> None:
        cursor = from_seconds(self.rule.cursor)
        for name, (data, stamp) in rows.of(self.user).items():
            if self.since < stamp <= cursor:
                shown = self._displayed[name].stamp if name in self._displayed else 0
                skipped = f"{self.user}: {name} = {data} at {stamp} was skipped"
                assert shown >= stamp, f"{skipped}, the cursor is {cursor}"

    def check_converged(self, rows: Rows) -> None:
        for name, (data, stamp) in rows.of(self.user).items():
            if stamp > self.since or name == UNREAD:
                shown = self.rule.value(name)
                assert shown == data, f"{self.user}: at rest {name} is {shown}, should be {data}"
        unread = rows.unread(self.user)
        assert self.rule.value(UNREAD) == unread, f"{self.user}: the badge is not {unread}"
        head = to_seconds(rows.head(self.user))
        assert self.rule.cursor == head, f"{self.user}: the cursor is not at the head {head}"
