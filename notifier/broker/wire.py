"""How an event travels through Redis: a channel per user, a JSON array per event."""

from __future__ import annotations

import json

from ..operations import Event

__all__ = ["channel", "decode", "encode", "user_of"]

LARGEST = 65_536
"""Bytes of a payload that are looked at; an event of ours stays far below."""


def channel(prefix: str, user: str) -> str:
    """The channel on which ``user``'s events are published."""
    return f"{prefix}:user:{user}"


def user_of(prefix: str, name: bytes) -> str | None:
    """The user whose channel ``name`` is, or None."""
    head = f"{prefix}:user:".encode()
    return name[len(head) :].decode(errors="replace") if name.startswith(head) else None


def encode(event: Event) -> bytes:
    """The payload of ``event``."""
    fields = [event.name, event.data, event.stamp, event.previous]
    return json.dumps(fields, separators=(",", ":")).encode()


def decode(user: str, payload: bytes) -> Event:
    """The event in ``payload``. Raises ValueError for anything ``encode`` would not have made."""
    if len(payload) > LARGEST:
        raise ValueError(f"{len(payload)} bytes are more than an event has")
    try:
        fields = json.loads(payload)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(fields, list) or len(fields) != 4:
        raise ValueError("not an array of name, data, stamp and previous")
    name, data, stamp, previous = fields
    if not isinstance(name, str) or type(stamp) is not int or type(previous) is not int:
        raise ValueError("an event's fields have other types")
    if not 0 <= previous < stamp:
        raise ValueError("an event comes after its previous one")
    return Event(user, name, data, stamp, previous)
