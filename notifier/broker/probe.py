"""Whether what is published still arrives: a message to oneself, every second."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["PROBE_SECONDS", "Probe"]

PROBE_SECONDS = 1.0
# Three beats that did not come back; one late beat is a busy second, not a dead connection.
SILENCE_SECONDS = 3 * PROBE_SECONDS


class Probe:
    """Beats through the publisher and listens through the subscription.

    A TCP connection can be half-open, a server frozen or replaced: nothing but the way back shows
    that a subscription still hears. ``beat`` publishes on a channel that only this probe uses.
    Beats leave by another connection, so whether the subscription's own commands still arrive is
    asked for apart: whoever owns it says when it was ``answered``.
    """

    def __init__(
        self, channel: str, beat: Callable[[str, bytes], None], now: Callable[[], float]
    ) -> None:
        self.channel = channel
        self._beat = beat
        self._now = now
        self._number = 0
        self._sent: dict[int, float] = {}
        self._beaten = float("-inf")
        self._heard = self._answered = now()
        self.round_trip: float | None = None

    def begin(self) -> None:
        """A new connection: it has the whole time to make itself heard."""
        self._heard = self._answered = self._now()
        self._beaten = float("-inf")
        self._sent.clear()

    def tick(self) -> bool:
        """Beat if it is time to; whether it was."""
        now = self._now()
        if now - self._beaten < PROBE_SECONDS:
            return False
        self._beaten = now
        self._number += 1
        self._sent[self._number] = now
        self._beat(self.channel, str(self._number).encode())
        return True

    def hear(self, content: bytes) -> None:
        """A beat came back. Raises ValueError for one that was never sent."""
        sent = self._sent.pop(int(content), None)
        if sent is None:
            raise ValueError("a beat that nobody sent on this connection")
        self._heard = self._now()
        self.round_trip = self._heard - sent

    def answered(self) -> None:
        """The connection itself was asked for a sign of life, and gave one."""
        self._answered = self._now()

    def silent(self) -> bool:
        """Whether no beat, or no answer, came for so long that the connection counts as dead."""
        return self._now() - min(self._heard, self._answered) > SILENCE_SECONDS
