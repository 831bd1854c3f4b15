"""The polls that nobody has to ask for."""

from __future__ import annotations

from collections.abc import Callable

from .timing import FULL_EVERY, LOST, POLL, SAFETY, STABLE, Random, spread

__all__ = ["Schedule"]


class Schedule:
    """Quick polls while there is no socket, every sixth of them full; full ones while there is.

    Due times count from the last request of the kind, so a flapping connection neither starves
    a poll nor adds one. ``clock`` gives seconds and is never set back.
    """

    def __init__(self, clock: Callable[[], float], random: Random) -> None:
        self._clock = clock
        self._random = random
        self._connected = False
        self._interval = POLL
        self._last_any = self._last_full = clock()
        self._quick_polls = 0
        self._owed: float | None = None

    def change(self, connected: bool) -> None:
        """There is a socket now, or none."""
        if self._connected and not connected:
            self._soon()
        self._connected = connected

    def pace(self, interval: float | None) -> None:
        """The server's ``Poll-Interval``, if it sent one."""
        self._interval = self._interval if interval is None else interval

    def asked(self, full: bool) -> None:
        """A request left, for whatever reason."""
        self._last_any = self._clock()
        self._owed = None
        if full:
            self._last_full = self._last_any
            self._quick_polls = 0

    def delay(self) -> float:
        """How long until ``fire`` is due."""
        now = self._clock()
        if self._owed is not None and not self._connected:
            return max(0.0, self._owed - now)
        last, period = (
            (self._last_full, SAFETY) if self._connected else (self._last_any, self._interval)
        )
        return max(0.0, last + spread(period, self._random) - now)

    def fire(self) -> bool:
        """A poll is due: whether it is a full one. Counts as asked, even if it has to wait."""
        self._quick_polls += 1
        full = self._connected or self._quick_polls >= FULL_EVERY
        self.asked(full)
        return full

    def _soon(self) -> None:
        """A socket is lost, perhaps everyone's: poll in a moment, if it is not back by then.

        A poll that is owed since an earlier loss is not put off by this one.
        """
        now = self._clock()
        if self._owed is None or now - self._owed >= STABLE:
            self._owed = now + min(LOST * (1 + self._random()), self._interval)
