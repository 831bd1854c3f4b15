"""How the pages write a timestamp: near ones relative, all of them exact in the title."""

from __future__ import annotations

import time
from datetime import UTC, datetime

__all__ = ["ago", "exact", "iso"]

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_WEEK = 7 * _DAY


def ago(timestamp: float, now: float | None = None) -> str:
    """Return a short text for a moment in the past, such as ``5 min ago`` or ``12 Mar``."""
    now = time.time() if now is None else now
    age = now - timestamp
    if age < _MINUTE:
        return "just now"
    if age < _HOUR:
        return f"{int(age // _MINUTE)} min ago"
    if age < _DAY:
        return f"{int(age // _HOUR)} h ago"
    if age < _WEEK:
        days = int(age // _DAY)
        return "1 day ago" if days == 1 else f"{days} days ago"
    return _date(timestamp, now)


def exact(timestamp: float) -> str:
    """Return the moment to the second, in UTC, for a reader."""
    moment = _utc(timestamp)
    return f"{moment.day} {moment:%B %Y, %H:%M:%S} UTC"


def iso(timestamp: float) -> str:
    """Return the moment for a ``datetime`` attribute."""
    return _utc(timestamp).isoformat(timespec="milliseconds")


def _date(timestamp: float, now: float) -> str:
    moment = _utc(timestamp)
    year = "" if moment.year == _utc(now).year else f" {moment.year}"
    return f"{moment.day} {moment:%b}{year}"


def _utc(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)
