"""The heartbeats of all sessions of a server, from one background task on a monotonic clock."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

__all__ = ["Heartbeat", "Peer"]

# Sessions that opened together are due together: everyone else gets a turn after so many of them.
_BATCH = 100
_TURN = 0.0005  # seconds


class Peer(Protocol):
    """A session as its heartbeat knows it. Neither call may wait."""

    def ping(self) -> None:
        """Send a ping."""

    def overdue(self) -> None:
        """End: the client did not answer in time."""


class Heartbeat:
    """Pings each peer ``interval`` seconds after its last answer, and ends those that are silent
    for ``timeout`` seconds after a ping.

    Both are constant, so the peers are due in the order in which they were entered: no matter
    how many there are, a beat costs the ones that are due.
    """

    def __init__(
        self, interval: float, timeout: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval = interval
        self._timeout = timeout
        self._now = now
        self._lock = threading.Lock()
        self._resting: OrderedDict[Peer, float] = OrderedDict()
        self._asked: OrderedDict[Peer, float] = OrderedDict()
        self._stopped = threading.Event()

    def __len__(self) -> int:
        return len(self._resting) + len(self._asked)

    def add(self, peer: Peer) -> None:
        """Begin with a peer: its first ping is due one interval from now."""
        with self._lock:
            self._resting[peer] = self._now() + self._interval

    def answered(self, peer: Peer) -> None:
        """Note an answer. One that nobody asked for does not count."""
        with self._lock:
            if self._asked.pop(peer, None) is not None:
                self._resting[peer] = self._now() + self._interval

    def forget(self, peer: Peer) -> None:
        """Be done with a peer."""
        with self._lock:
            self._resting.pop(peer, None)
            self._asked.pop(peer, None)

    def expect_end(self, peer: Peer) -> None:
        """Ping no more: the peer was told to go, and is overdue one timeout from now."""
        with self._lock:
            self._resting.pop(peer, None)
            self._asked.pop(peer, None)
            self._asked[peer] = self._now() + self._timeout

    def beat(self) -> float:
        """Do what is due, a batch of it at most; the seconds until the next beat."""
        for peer in self._due(self._resting, self._asked):
            peer.ping()
        for peer in self._due(self._asked, None):
            peer.overdue()
        return self._pause()

    def run(self) -> None:
        """Beat until ``stop``."""
        while not self._stopped.wait(self.beat()):
            pass

    def stop(self) -> None:
        """End ``run``."""
        self._stopped.set()

    def _due(
        self, waiting: OrderedDict[Peer, float], then: OrderedDict[Peer, float] | None
    ) -> list[Peer]:
        due: list[Peer] = []
        now = self._now()
        with self._lock:
            while waiting and len(due) < _BATCH and waiting[peer := next(iter(waiting))] <= now:
                del waiting[peer]
                due.append(peer)
                if then is not None:
                    then[peer] = now + self._timeout
        return due

    def _pause(self) -> float:
        with self._lock:
            first = [next(iter(one.values())) for one in (self._resting, self._asked) if one]
        # Who is entered meanwhile is due later than this.
        latest = min(self._interval, self._timeout)
        return max(_TURN, min([latest, *(due - self._now() for due in first)]))
