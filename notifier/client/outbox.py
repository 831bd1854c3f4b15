"""What was shown and not yet taken by the program that follows."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

__all__ = ["Event", "Outbox"]


@dataclass(frozen=True, slots=True)
class Event:
    """A value that changed. ``timestamp`` is when it was committed, in seconds since the epoch.

    ``data`` None with a ``timestamp`` of 0 says that a restored database no longer has ``name``.
    """

    name: str
    data: Any
    timestamp: float


class Outbox:
    """Hands events from one thread to another; of a name only the newest waits.

    So a program that takes its time costs memory for as many events as its user has names, and
    finds what is true when it comes back.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, Event] = {}
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self.closed = False

    def put(self, event: Event) -> None:
        """Add an event, instead of an older one of its name."""
        with self._changed:
            self._waiting.pop(event.name, None)
            self._waiting[event.name] = event
            self._changed.notify()

    def get(self, timeout: float | None = None) -> Event | None:
        """The next event; None once closed, or after ``timeout`` seconds without one.

        Raises the error it was closed with, after all events that came before it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self.closed, timeout)
            if self._waiting:
                return self._waiting.pop(next(iter(self._waiting)))
            if self._error is not None:
                raise self._error
            return None

    def close(self, error: BaseException | None = None) -> None:
        """End it: at once, or with ``error`` after what waits. The first time counts."""
        with self._changed:
            if not self.closed:
                self.closed = True
                self._error = error
            if error is None:
                self._waiting.clear()
            self._changed.notify_all()
