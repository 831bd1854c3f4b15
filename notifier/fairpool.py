"""A connection pool in which whoever waits longest is served first."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

__all__ = ["FairQueuePool"]


class Turns:
    """A semaphore that hands a place that becomes free to the first in line.

    A plain one only wakes somebody: until he runs, anyone who just comes along takes the place, and
    under load some wait until their time is over while others are served again and again.
    """

    def __init__(self, places: int) -> None:
        # Entered again where garbage is collected inside: what leaked a place gives it back.
        self._lock = threading.RLock()
        self._places = self._free = places
        self._line: deque[threading.Event] = deque()
        self._pauses = 0
        self._all_back = threading.Event()

    def take(self, timeout: float) -> bool:
        """Take a place, waiting up to ``timeout`` seconds; whether there was one."""
        if self._take_free():
            return True
        turn = threading.Event()
        if self._take_free(turn):
            return True
        try:
            return turn.wait(timeout) or self._was_served(turn)
        except BaseException:
            # Killed in the line, where it must not be served any more.
            if self._was_served(turn):
                self.give()
            raise

    def _take_free(self, turn: threading.Event | None = None) -> bool:
        """Take a place that is free, or stand in line; nothing is made that could be garbage."""
        with self._lock:
            if self._free > 0 and not self._pauses:
                self._free -= 1
                return True
            if turn is not None:
                self._line.append(turn)
            return False

    def give(self) -> None:
        """Give a place back."""
        with self._lock:
            self._free += 1
            self._hand_on()

    @property
    def all_free(self) -> bool:
        """Whether nobody has a place."""
        return self._free == self._places

    def pause(self, timeout: float) -> bool:
        """Give out no place until ``resume``; whether all are back within ``timeout`` seconds."""
        with self._lock:
            self._pauses += 1
            self._all_back.clear()
            if self.all_free:
                return True
        return self._all_back.wait(timeout)

    def resume(self) -> None:
        """End a pause. Several may overlap."""
        with self._lock:
            self._pauses -= 1
            self._hand_on()

    def _hand_on(self) -> None:
        if self._pauses:
            if self.all_free:
                self._all_back.set()
            return
        while self._line and self._free > 0:
            self._free -= 1
            self._line.popleft().set()

    def _was_served(self, turn: threading.Event) -> bool:
        """Leave the line, unless the turn came just as the time was over."""
        with self._lock:
            if turn.is_set():
                return True
            self._line.remove(turn)
            return False


class FairQueuePool(QueuePool):
    """SQLAlchemy's queue of connections, without overflow, behind a line.

    It overrides the two methods by which SQLAlchemy's own pools differ from each other.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "max_overflow": 0})
        self._turns = Turns(self.size())

    def _do_get(self) -> ConnectionPoolEntry:
        if not self._turns.take(self.timeout()):
            raise PoolTimeout(
                f"all {self.size()} database connections were busy for {self.timeout():g} s; "
                "raise NOTIFIER_POOL_SIZE if the database can take more"
            )
        try:
            return super()._do_get()
        except BaseException:
            self._turns.give()
            raise

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        try:
            super()._do_return_conn(record)
        finally:
            self._turns.give()
