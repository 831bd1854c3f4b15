"""Callers who come at the same time share one piece of work: a transaction, or a query.

This is group commit: whatever waits while one batch is carried out is the next batch. A lone
caller waits for nobody, and the more there are, the less each costs.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from .outages import OutcomeUnknown, is_outage

__all__ = ["Batches"]

Item = TypeVar("Item")
Result = TypeVar("Result")

# Who has waited this long, in seconds, when the database turns out to be gone, is told so with the
# others: asking it once more would take longer than a caller is to wait.
_TOLD_WITH_THE_OTHERS = 0.4


class _Ticket(Generic[Item, Result]):
    """One caller, asleep until it is served or it is its turn to serve."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.since = time.monotonic()
        self.result: Result
        self.error: BaseException | None = None
        self.served = False
        # A lock that is taken twice: cheaper than an Event, with threads and greenlets alike.
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def sleep(self) -> None:
        self._asleep.acquire()

    def wake(self) -> None:
        self._asleep.release()

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.served = True


class Batches(Generic[Item, Result]):
    """Carries out what callers submit, at most ``most`` of it at a time.

    ``carry_out`` takes the items of a batch and returns their results in the same order. It runs
    in the thread or greenlet of one of the callers, and never twice at once. What it raises is
    raised to all callers of the batch.
    """

    def __init__(
        self, carry_out: Callable[[Sequence[Item]], Sequence[Result]], most: int = 256
    ) -> None:
        self._carry_out = carry_out
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket[Item, Result]] = deque()
        self._busy = False

    def submit(self, item: Item) -> Result:
        """The result for ``item``, once a batch with it has been carried out."""
        ticket: _Ticket[Item, Result] = _Ticket(item)
        if not self._may_lead(ticket):
            self._await_turn(ticket)
        if not ticket.served:
            self._lead(ticket)
        if ticket.error is not None:
            raise ticket.error
        return ticket.result

    def _may_lead(self, ticket: _Ticket[Item, Result]) -> bool:
        with self._lock:
            if self._busy:
                self._waiting.append(ticket)
                return False
            self._busy = True
            return True

    def _await_turn(self, ticket: _Ticket[Item, Result]) -> None:
        try:
            ticket.sleep()
        except BaseException:
            # Killed in its sleep. If it was to lead, somebody else must.
            with self._lock:
                if ticket in self._waiting:
                    self._waiting.remove(ticket)
                    raise
            if not ticket.served:
                self._hand_over()
            raise

    def _lead(self, own: _Ticket[Item, Result]) -> None:
        batch = self._batch(own)
        try:
            results = self._carry_out([ticket.item for ticket in batch])
            for ticket, result in zip(batch, results, strict=True):
                ticket.result = result
                ticket.served = True
        except Exception as error:  # noqa: BLE001 -- it is raised again, to every caller
            self._fail(batch, error)
        except BaseException as end:
            self._fail(batch, OutcomeUnknown("", {}, end))
            raise
        finally:
            for ticket in batch[1:]:
                ticket.wake()
            self._hand_over()

    def _batch(self, own: _Ticket[Item, Result]) -> list[_Ticket[Item, Result]]:
        with self._lock:
            others = min(len(self._waiting), self._most - 1)
            return [own, *(self._waiting.popleft() for _ in range(others))]

    def _fail(self, batch: list[_Ticket[Item, Result]], error: BaseException) -> None:
        if is_outage(error):
            since = time.monotonic() - _TOLD_WITH_THE_OTHERS
            with self._lock:
                while self._waiting and self._waiting[0].since <= since:
                    batch.append(self._waiting.popleft())
        for ticket in batch:
            ticket.fail(error)

    def _hand_over(self) -> None:
        """Let the first who waits lead, if anybody does."""
        with self._lock:
            self._busy = bool(self._waiting)
            if self._busy:
                self._waiting.popleft().wake()
