"""What may come over the wire, checked once at the edge: the rule trusts what it is given."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeGuard

from .rule import Json

__all__ = [
    "Packet",
    "connect_packet",
    "decode",
    "is_answer",
    "is_head",
    "is_push",
    "open_terms",
    "parse",
]

# Engine.IO 4 packets are one digit and a payload; a message (4) holds a Socket.IO 5 packet.
OPEN, CLOSE, PING, PONG = "0", "1", "2", "3"
CONNECT, DISCONNECT, EVENT, CONNECT_ERROR = "40", "41", "42", "44"

_AFTER_ANY_STAMP = 2**63
_LONGEST_SILENCE = 86_400.0  # seconds; a socket of Python's bears no more than 24 days


@dataclass(frozen=True, slots=True)
class Packet:
    """A Socket.IO packet of our namespace; ``data`` is its JSON, None if it has none."""

    kind: str
    data: Any


def connect_packet(namespace: str, token: str) -> str:
    """The packet that signs in."""
    return CONNECT + _prefix(namespace) + json.dumps({"token": token})


def decode(text: str | bytes) -> Any:
    """What JSON says. Raises ValueError, also for what is nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def parse(text: str, namespace: str) -> Packet | None:
    """The packet in an Engine.IO message, None if it is none of our namespace.

    Raises ValueError for one of ours that is malformed.
    """
    kind, rest = text[:2], text[2:]
    if kind not in (CONNECT, DISCONNECT, EVENT, CONNECT_ERROR):
        return None
    prefix = _prefix(namespace)
    if prefix and rest == namespace:
        rest = ""
    elif prefix and rest.startswith(prefix):
        rest = rest[len(prefix) :]
    elif prefix or rest.startswith("/"):
        return None
    # Between namespace and data there may be the number of an acknowledgement nobody gets.
    rest = rest.lstrip("0123456789")
    return Packet(kind, decode(rest) if rest else None)


def open_terms(text: str) -> float:
    """Seconds of silence after which a connection is dead, of the packet that opened it.

    Raises ValueError if it is no such packet.
    """
    terms = decode(text[1:]) if text.startswith(OPEN) else None
    if not isinstance(terms, dict):
        raise ValueError(f"this is no Engine.IO server; it began with {text[:40]!r}")
    try:
        silence = float(terms["pingInterval"] + terms["pingTimeout"]) / 1000
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"the server gave no heartbeat: {text[:200]!r}") from error
    if not silence > 0:
        raise ValueError(f"the server gave no heartbeat: {text[:200]!r}")
    return min(silence, _LONGEST_SILENCE)


def is_push(value: object, name: object) -> TypeGuard[Json]:
    """Whether it is a pushed event: the namespace may be shared with others."""
    return _is_event(value) and value["name"] == name and _is_stamp(value.get("previous"))


def is_head(value: object) -> TypeGuard[Json]:
    """Whether it is the argument of the event ``head``."""
    return isinstance(value, dict) and _is_stamp(value.get("timestamp"))


def is_answer(value: object) -> TypeGuard[list[Json]]:
    """Whether it is the answer to a poll: events in the order of their stamps."""
    if not isinstance(value, list) or not all(map(_is_event, value)):
        return False
    stamps = [event["timestamp"] for event in value]
    return all(one < other for one, other in pairwise(stamps))


def _is_event(value: object) -> TypeGuard[Json]:
    return (
        isinstance(value, dict)
        and isinstance(value.get("name"), str)
        and "data" in value
        and _is_stamp(value.get("timestamp"))
    )


def _is_stamp(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    # An integer of JSON may be larger than any float, and no number compares with NaN.
    return number and 0 <= value < _AFTER_ANY_STAMP  # type: ignore[operator]


def _prefix(namespace: str) -> str:
    return "" if namespace == "/" else f"{namespace},"
