"""What was handed to Redis, and whether it is known to be published."""

from __future__ import annotations

import time
from collections.abc import Sequence

from .backlog import Waiting
from .connection import Message, Sender

__all__ = ["Stream"]

# It is a stream while the last answer came so long ago at most; so many messages may be pending.
_STREAM_SECONDS = 0.2
_MOST_PENDING = 64


class Stream:
    """Hands messages to Redis, in a stream of them without reading its answers each time.

    To be woken for each answer costs as much as to send. The price is to find out later that a
    server has gone, so every event is kept until it is known to be published.
    """

    def __init__(self) -> None:
        self.handed: list[tuple[int, list[Waiting]]] = []
        """Events, and the microseconds since the epoch at which they were written."""
        self._heard_at = float("-inf")

    @property
    def depth(self) -> int:
        """How many events are not known to be published."""
        return sum(len(batch) for _, batch in self.handed)

    def hand(self, at: int, batch: list[Waiting]) -> None:
        """Note that ``batch`` is among the messages that come next."""
        self.handed.append((at, batch))

    def publish(self, sender: Sender, messages: Sequence[Message], *, urgent: bool) -> bool:
        """Publish ``messages``, or if there are none have it confirmed that everything was.

        Whether everything that was handed over is published by now. What is ``urgent`` is never
        left unconfirmed. Raises RedisError or OSError.
        """
        if messages and not urgent and self._goes_on(sender, len(messages)):
            sender.write(messages)
            return False
        if messages:
            sender.send(messages)
        else:
            sender.confirm()
        self._heard_at = time.monotonic()
        return True

    def _goes_on(self, sender: Sender, more: int) -> bool:
        """Whether so many ``more`` messages need not be confirmed at once."""
        return (
            sender.pending is not None
            and sender.pending + more <= _MOST_PENDING
            and time.monotonic() - self._heard_at <= _STREAM_SECONDS
        )

    def take(self) -> list[tuple[int, list[Waiting]]]:
        """What was handed over, which is published now."""
        handed, self.handed = self.handed, []
        return handed

    def take_back(self) -> list[Waiting]:
        """What was handed over in vain. What comes next is confirmed at once."""
        self._heard_at = float("-inf")
        return [one for _, batch in self.take() for one in batch]
