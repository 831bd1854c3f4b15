"""How things travel through Redis: which channel, and sealed so that strangers are not heard.

A payload is 16 bytes of keyed BLAKE2b (RFC 7693) over channel and content, then the content, which
is JSON. Whoever can publish on our Redis but does not know the key can neither show a user anything
nor make a worker do anything.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import uuid
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from ..operations import Event

__all__ = [
    "LARGEST",
    "Strangers",
    "Wire",
    "decode_event",
    "decode_users",
    "encode_event",
    "encode_users",
]

log = logging.getLogger("notifier.broker")

LARGEST = 65_536
"""Bytes of a payload that are looked at; an event of ours stays far below."""

_SEAL = 16

# `json.dumps` makes a new one for each call that is not spelled by default.
_ENCODER = json.JSONEncoder(separators=(",", ":"))


class Wire:
    """The channels of one deployment: ``prefix`` names them, ``key`` seals what they carry."""

    def __init__(self, prefix: str, key: str) -> None:
        self._users = f"{prefix}:user:"
        self._users_encoded = self._users.encode()
        # A key of its own, so that no seal of ours is a signature anywhere else.
        self._key = hashlib.sha256(b"notifier.broker:" + key.encode()).digest()
        self._prefix = prefix
        self.control = f"{prefix}:control"

    def probe(self, name: str = "") -> str:
        """A channel for one process to hear itself on; ``name`` makes it the same again."""
        return f"{self._prefix}:probe:{name or uuid.uuid4().hex}"

    def channel(self, user: str) -> str:
        """The channel on which ``user``'s events are published."""
        return self._users + user

    def user_of(self, channel: bytes) -> str | None:
        """The user whose channel this is, or None."""
        if not channel.startswith(self._users_encoded):
            return None
        return channel[len(self._users_encoded) :].decode(errors="replace")

    def seal(self, channel: str, content: bytes) -> bytes:
        """The payload that carries ``content`` on ``channel``."""
        return self._seal(channel.encode(), content) + content

    def unseal(self, channel: bytes, payload: bytes) -> bytes:
        """The content of a payload. Raises ValueError if it was not sealed with our key."""
        if not _SEAL < len(payload) <= LARGEST:
            raise ValueError(f"{len(payload)} bytes are no payload of ours")
        seal, content = payload[:_SEAL], payload[_SEAL:]
        if not hmac.compare_digest(seal, self._seal(channel, content)):
            raise ValueError("it is not sealed with our key")
        return content

    def _seal(self, channel: bytes, content: bytes) -> bytes:
        # A third of the time of an HMAC-SHA256.
        return blake2b(channel + b"\n" + content, digest_size=_SEAL, key=self._key).digest()


class Strangers:
    """Counts the publications that were not ours, and logs the first of them."""

    def __init__(self) -> None:
        self.count = 0

    def turn_away(self, channel: bytes, error: ValueError) -> None:
        """Note one more, with what is wrong with it."""
        self.count += 1
        if self.count == 1:
            log.warning(
                "A publication on %r was not ours and was dropped (%s); more are counted only. "
                "Either another program uses our prefix, or a process of ours has another "
                "SECRET_KEY.",
                channel,
                error,
            )


def encode_event(event: Event, now: int = 0) -> bytes:
    """The content that carries ``event`` on its user's channel, published ``now``."""
    if type(event.data) is int:
        # As below. Counters are most of what travels, and no name has to be escaped.
        numbers = f"{event.data},{event.stamp},{event.previous},{now}"
        return f'["{event.name}",{numbers}]'.encode()
    fields = [event.name, event.data, event.stamp, event.previous, now]
    return _ENCODER.encode(fields).encode()


def decode_event(user: str, content: bytes) -> Event:
    """The event in ``content``. Raises ValueError for what ``encode_event`` does not make."""
    fields = _json(content)
    if not isinstance(fields, list) or len(fields) != 5:
        raise ValueError("not an array of name, data, stamp, previous and time of publication")
    name, data, *times = fields
    if not isinstance(name, str) or any(type(one) is not int for one in times):
        raise ValueError("an event's fields have other types")
    stamp, previous, published = times
    if not 0 <= previous < stamp:
        raise ValueError("an event comes after its previous one")
    return Event(user, name, data, stamp, previous, published)


def encode_users(users: Sequence[str] | None) -> bytes:
    """The content that asks every worker to sweep ``users``, or everyone."""
    return json.dumps(users).encode()


def decode_users(content: bytes) -> list[str] | None:
    """Whom to sweep; None for everyone. Raises ValueError for anything else."""
    users = _json(content)
    if users is not None and not (
        isinstance(users, list) and all(isinstance(user, str) for user in users)
    ):
        raise ValueError("neither a list of users nor null")
    return users


def _json(content: bytes) -> Any:
    try:
        # Of bytes it would guess the encoding first.
        return json.loads(content.decode())
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
