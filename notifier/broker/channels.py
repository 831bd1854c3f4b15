"""What a subscription is: its interface, and the two ways of Redis to have channels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["PLAIN", "SHARDED", "Channels", "Requested", "Verbs"]

Requested = Callable[[Sequence[str] | None], None]
"""Told whom to sweep: some users, or everyone."""


@dataclass(frozen=True, slots=True)
class Verbs:
    """How to subscribe, what comes back, and how many channels one command may name."""

    subscribe: str
    unsubscribe: str
    message: bytes
    subscribed: bytes
    unsubscribed: bytes
    at_once: int


PLAIN = Verbs("SUBSCRIBE", "UNSUBSCRIBE", b"message", b"subscribe", b"unsubscribe", 1_000)
# A command about sharded channels may not cross slots, and nearly every channel has its own.
SHARDED = Verbs("SSUBSCRIBE", "SUNSUBSCRIBE", b"smessage", b"ssubscribe", b"sunsubscribe", 1)


class Channels(Protocol):
    """The channels of the local users, on one server or on several."""

    @property
    def ready(self) -> bool:
        """Whether every wanted channel is acknowledged and probes come back."""

    @property
    def rejected(self) -> int:
        """How many publications were not ours."""

    @property
    def causes(self) -> Counter[str]:
        """How often everything (or, if "asked", somebody) had to be swept for, by why: "start",
        "lost", "silent".
        """

    @property
    def round_trip(self) -> float | None:
        """Seconds that the last probe took, None before the first."""

    def start(self) -> None:
        """Begin to connect, in the background. Repeats are harmless."""

    def wait_ready(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds until it is ready."""

    def join(self, user: str) -> None:
        """Want ``user``'s events."""

    def wait_joined(self, user: str, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for the acknowledgement of ``user``'s channel."""

    def leave(self, user: str) -> None:
        """Stop wanting ``user``'s events, a little later."""

    def close(self, timeout: float) -> None:
        """End connections and threads."""
