"""The publisher port: how committed events leave this process, and its in-memory form."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from .operations import Event

__all__ = ["MemoryPublisher", "Publisher", "Receiver"]

log = logging.getLogger("notifier.publisher")

Receiver = Callable[[Sequence[Event]], None]
"""Takes events for delivery to the local sockets."""


class Publisher(Protocol):
    """Carries committed events towards the sockets.

    An event may be lost, doubled or overtaken: the database is the record and the sweep finds
    what was lost. What the port does guarantee is that nobody waits for it.
    """

    def publish(self, events: Sequence[Event]) -> None:
        """Take over ``events``, which are committed. Returns at once and never raises."""

    def flush(self, timeout: float) -> None:
        """Wait until what is held has left, for at most ``timeout`` seconds."""

    def close(self, timeout: float) -> None:
        """Deliver what is held, for at most ``timeout`` seconds, and let go of resources."""


class MemoryPublisher:
    """Hands events to the receivers of this process, in the caller's thread.

    It is all that one worker or a test needs. A receiver that raises is logged and does not
    disturb the others.
    """

    def __init__(self) -> None:
        self._receivers: list[Receiver] = []
        self.failures = 0

    def subscribe(self, receiver: Receiver) -> None:
        """Add a receiver of every event published from now on."""
        self._receivers.append(receiver)

    def publish(self, events: Sequence[Event]) -> None:
        """Hand ``events`` to every receiver."""
        for receiver in self._receivers:
            try:
                receiver(events)
            except Exception:
                self.failures += 1
                log.exception("A receiver failed; the sweep will announce these events")

    def flush(self, timeout: float) -> None:
        """Nothing is held, so there is nothing to wait for."""

    def close(self, timeout: float) -> None:
        """Nothing is held, so nothing is left to do."""
