"""Stamps: whole microseconds since the epoch in the database, float seconds on the wire.

A float64 carries such a number exactly until the year 2106: below 2**32 seconds its spacing is
2**-21 s or less, so dividing and multiplying back errs by less than half a microsecond.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from .errors import InvalidInput

__all__ = ["LATEST", "Clock", "from_seconds", "parse_seconds", "system_clock", "to_seconds"]

Clock = Callable[[], int]
"""Returns the current time as a stamp."""

LATEST = 4_102_444_800_000_000
"""The first microsecond of the year 2100, the end of what a client may ask for."""

_PLAIN_DECIMAL = re.compile(r"(?:[0-9]{1,16}(?:\.[0-9]{0,32})?|\.[0-9]{1,32})", re.ASCII)


def system_clock() -> int:
    """The wall clock as a stamp."""
    return time.time_ns() // 1000


def to_seconds(stamp: int) -> float:
    """A stamp as the ``timestamp`` of the wire: seconds as a float."""
    return stamp / 1e6


def from_seconds(seconds: float, field: str = "timestamp") -> int:
    """The stamp of a ``timestamp``.

    Raises InvalidInput for what is no number, not finite, negative or beyond the year 2100.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise InvalidInput(field, "must be a number of seconds since the epoch")
    if not 0 <= seconds <= LATEST / 1e6:  # false for NaN too
        raise InvalidInput(field, "must be between 0 and the year 2100, in seconds")
    return round(seconds * 1e6)


def parse_seconds(values: Sequence[str], field: str) -> int | None:
    """The stamp that a query parameter asks for; None if it is absent.

    ``values`` are the parameter's occurrences as text. Raises InvalidInput unless there is at
    most one, a plain decimal number between 0 and the year 2100.
    """
    if not values:
        return None
    if len(values) > 1:
        raise InvalidInput(field, "must be given once")
    if not _PLAIN_DECIMAL.fullmatch(values[0]):
        raise InvalidInput(field, "must be a plain decimal number of seconds, such as 0 or 1.5")
    return from_seconds(float(values[0]), field)
