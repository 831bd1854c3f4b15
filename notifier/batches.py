"""Callers who come at the same time share one piece of work: a transaction, or a query.

This is group commit: whatever waits while one batch is carried out is the next batch. A lone
caller waits for nobody, and the more there are, the less each costs.
"""

from __future__ import annotations

import copy
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from .outages import OutcomeUnknown

__all__ = ["Batches", "NotShared"]

Item = TypeVar("Item")
Result = TypeVar("Result")

# Seconds after which a caller whose batch has not begun goes on alone: whoever leads may wait for a
# database that does not answer, and nobody else should wait for him.
_LONGEST_WAIT = 0.4


class NotShared(Exception):
    """The caller has to do it alone, for nothing was done for it."""


class _Ticket(Generic[Item, Result]):
    """One caller, asleep until it is served or it is its turn to serve."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.result: Result
        self.error: BaseException | None = None
        self.served = False
        self.leads = False
        # A lock that is taken twice: cheaper than an Event, with threads and greenlets alike.
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def sleep(self, timeout: float = -1) -> bool:
        return self._asleep.acquire(timeout=timeout)

    def wake(self) -> None:
        self._asleep.release()

    def succeed(self, result: Result) -> None:
        self.result = result
        self.served = True

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.served = True


class Batches(Generic[Item, Result]):
    """Carries out what callers submit, at most ``most`` of it at a time.

    ``carry_out`` takes the items of a batch and returns their results in the same order. It runs
    in the thread or greenlet of one of the callers, and never twice at once. What it raises is
    raised to all callers of the batch, to each as a copy. If the caller who carries it out is
    killed, the others go on alone, unless ``uncertain()`` says that it may have been done.
    """

    def __init__(
        self,
        carry_out: Callable[[Sequence[Item]], Sequence[Result]],
        most: int = 256,
        uncertain: Callable[[], bool] = lambda: False,
    ) -> None:
        self._carry_out = carry_out
        self._most = most
        self._uncertain = uncertain
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket[Item, Result]] = deque()
        self._busy = False
        self._leader: int | None = None

    def submit(self, item: Item) -> Result:
        """The result for ``item``, once a batch with it has been carried out.

        Raises NotShared if no batch took it in time, or if the caller is carrying one out itself.
        """
        if self._pid != os.getpid():
            # A fork has the batch that was under way without whoever carried it out.
            self._reset()
        if self._leader == threading.get_ident():
            raise NotShared
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
            if ticket.sleep(_LONGEST_WAIT):
                return
            if self._gives_up(ticket):
                raise NotShared
            # Its batch is under way.
            ticket.sleep()
        except NotShared:
            raise
        except BaseException:
            # Killed in its sleep. If it was to lead, somebody else must.
            if not self._gives_up(ticket) and ticket.leads:
                self._hand_over()
            raise

    def _gives_up(self, ticket: _Ticket[Item, Result]) -> bool:
        """Leave the line, unless something has begun for it."""
        with self._lock:
            waits = ticket in self._waiting
            if waits:
                self._waiting.remove(ticket)
            return waits

    def _lead(self, own: _Ticket[Item, Result]) -> None:
        batch = self._batch(own)
        self._leader = threading.get_ident()
        try:
            results = self._carry_out([ticket.item for ticket in batch])
            for ticket, result in zip(batch, results, strict=True):
                ticket.succeed(result)
        except Exception as error:  # noqa: BLE001 -- it is raised again, to every caller
            for ticket in batch:
                ticket.fail(error if ticket is own else _copy(error))
        except BaseException as end:
            for ticket in batch[1:]:
                ticket.fail(OutcomeUnknown("", {}, end) if self._uncertain() else NotShared())
            raise
        finally:
            self._leader = None
            for ticket in batch[1:]:
                ticket.wake()
            self._hand_over()

    def _batch(self, own: _Ticket[Item, Result]) -> list[_Ticket[Item, Result]]:
        with self._lock:
            others = min(len(self._waiting), self._most - 1)
            return [own, *(self._waiting.popleft() for _ in range(others))]

    def _hand_over(self) -> None:
        """Let the first who waits lead, if anybody does."""
        with self._lock:
            self._busy = bool(self._waiting)
            if self._busy:
                first = self._waiting.popleft()
                first.leads = True
                first.wake()


def _copy(error: Exception) -> Exception:
    """An exception for another caller: tracebacks and notes are added to the one that is raised."""
    try:
        return copy.copy(error)
    except Exception:  # noqa: BLE001 -- not every class can be copied; then they share it
        return error
