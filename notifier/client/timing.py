"""When things happen: arithmetic and its constants, all in seconds, no clock.

The figures are those of the browser's client, ``static/notifier/timing.js``, where each is
explained; clients of both kinds may come back to the same server at the same moment.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["backoff", "interval_from", "retry_after", "spread"]

Random = Callable[[], float]
"""Like random.random: from 0 up to 1."""

GRACE = 0.1
POLL = 10.0
POLL_RANGE = (1.0, 3_600.0)
FULL_EVERY = 6
SAFETY = 60.0
LOST = 2.0
SPREAD = 0.2

FETCH_TIMEOUT = 15.0
CONNECT_TIMEOUT = 10.0
STABLE = 10.0

Backoff = tuple[float, float]
"""The first delay, doubled up to the most."""

FETCH_BACKOFF: Backoff = (1.0, 60.0)
RECONNECT_BACKOFF: Backoff = (0.5, 3.0)
REVIVED: Backoff = (2.0, 2.0)
BUSY_BACKOFF: Backoff = (2.0, 60.0)
JITTER = 0.5

# Beyond it, 2 to the power of attempts means nothing any more, and soon no float.
_MOST_DOUBLINGS = 30


def backoff(delays: Backoff, attempt: int, random: Random) -> float:
    """The delay before attempt number ``attempt`` (0 is the first retry)."""
    first, most = delays
    delay = min(first * 2.0 ** min(attempt, _MOST_DOUBLINGS), most)
    return delay * (1 - JITTER + 2 * JITTER * random())


def spread(period: float, random: Random) -> float:
    """A period, at least as long as asked for: clients that began together drift apart."""
    return period * (1 + SPREAD * random())


def interval_from(header: str | None) -> float | None:
    """The header ``Poll-Interval``, or None if it makes no sense."""
    interval = _seconds(header)
    least, most = POLL_RANGE
    return interval if least <= interval <= most else None


def retry_after(header: str | None) -> float:
    """The header ``Retry-After`` in seconds, an hour at most; 0 if there is none or a date."""
    return max(0.0, min(_seconds(header), POLL_RANGE[1]))


def _seconds(header: str | None) -> float:
    try:
        return float(header or "")
    except ValueError:
        return -1.0
