"""A clock that tests set."""

from __future__ import annotations

HOUR = 3_600_000_000
"""In microseconds."""


class Clock:
    """Moves on by a microsecond each time it is asked."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now
