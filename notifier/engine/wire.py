"""Sending to one client: straight to the kernel, and bounded where the client does not read."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["MOST_BYTES", "MOST_PACKETS", "Sending", "Stream", "Wire"]

# What is held for a client beyond the kernel's own buffer. A client that missed something
# reconnects and asks for its state, so there is no use in holding more than a burst.
MOST_PACKETS = 256
MOST_BYTES = 1_000_000

_TICK = 0.001  # seconds
_FLUSH_TICK = 0.01
_FLUSH_SECONDS = 1.0  # that the end of a session waits for a client to take what is held for it


class Stream(Protocol):
    """A connected socket as a wire wants it."""

    def recv(self, size: int) -> bytes:
        """Wait for up to ``size`` bytes; none at the end of the connection."""

    @property
    def push(self) -> Callable[[bytes], int]:
        """The function that gives the kernel what it takes at once, and says how much that was.

        It never waits. Raises BlockingIOError where nothing fits, OSError where all is over.
        """

    def wait_writable(self, timeout: float) -> bool:
        """Wait until ``push`` may work again, or tell that all is over.

        False after ``timeout`` seconds.
        """

    def finish(self) -> None:
        """Tell the peer that nothing more is sent. Raises OSError."""

    def cut(self) -> None:
        """End the connection in both directions and wake whoever waits. Raises OSError."""


@dataclass(frozen=True)
class Sending:
    """What all wires of a server share.

    ``spawn`` starts a function in the background, ``sleep`` waits some seconds. A client that
    takes nothing for ``patience`` seconds while something is held is cut, as is one for which
    more than ``packets`` or ``bytes`` would be held; ``slow`` is told of each.
    """

    spawn: Callable[[Callable[[], None]], Any]
    sleep: Callable[[float], Any]
    patience: float
    slow: Callable[[], None]
    packets: int = MOST_PACKETS
    bytes: int = MOST_BYTES


class Wire:
    """The sending half of a WebSocket.

    There is no queue and no thread of control while the kernel takes everything; what it does not
    take is held, and a flusher lives as long as something is. ``send`` never waits and never
    raises: a connection that broke is noticed by whoever reads from it.
    """

    __slots__ = (
        *("_flushing", "_give", "_guard", "_held", "_last", "_open", "_sending", "_size"),
        "_stream",
    )

    def __init__(
        self, stream: Stream, guard: contextlib.AbstractContextManager[Any], sending: Sending
    ) -> None:
        # Nothing that may wait happens under the guard.
        self._guard = guard
        self._stream = stream
        self._give = stream.push
        self._sending = sending
        self._held: deque[bytes] | None = None
        self._size = 0
        self._flushing = False
        self._open = True
        self._last = False

    @property
    def held(self) -> int:
        """How many frames wait for the client, the one that is sent in part included."""
        return len(self._held) if self._held else 0

    @property
    def done(self) -> bool:
        """Whether nothing is left to send, or nothing can be."""
        return not self._held

    def send(self, frame: bytes) -> None:
        """Send ``frame`` after all earlier ones, or cut a client that is too far behind."""
        with self._guard:
            if not self._open or self._offer(frame):
                return
        self._give_up()

    def finish(self, frame: bytes) -> None:
        """Send what is held, ``frame`` as the last, and then close this direction."""
        with self._guard:
            if self._open:
                self._open = False
                self._last = True
                self._hold(frame)
                self._drain()
                self._start_flusher()

    def await_flush(self) -> None:
        """Wait for the client to take what is held, a second at most."""
        give_up = time.monotonic() + _FLUSH_SECONDS
        while not self.done and time.monotonic() < give_up:
            self._sending.sleep(_FLUSH_TICK)

    def end(self) -> None:
        """Cut the connection, and return when nobody uses the socket any more."""
        self.cut()
        # The task itself cannot be waited for: on eventlet one that has not begun counts as ended.
        while self._flushing:
            self._sending.sleep(_TICK)

    def cut(self) -> None:
        """Cut the connection. Whoever reads from it notices."""
        with self._guard:
            self._drop()
        with contextlib.suppress(OSError):
            self._stream.cut()

    def _offer(self, frame: bytes) -> bool:
        if self._held and self._full(frame):
            # The flusher may not have had its turn for a while: it is the client that counts.
            self._drain()
            if self._held and self._full(frame):
                return False
        if self._held:
            self._hold(frame)
            return True
        sent = self._push(frame)
        if sent < len(frame) and self._open:
            self._hold(frame[sent:])
            self._start_flusher()
        return True

    def _full(self, frame: bytes) -> bool:
        # Only what joins others is counted: how large one frame may be is for others to say.
        return self.held >= self._sending.packets or self._size + len(frame) > self._sending.bytes

    def _hold(self, frame: bytes) -> None:
        if self._held is None:
            self._held = deque()
        self._held.append(frame)
        self._size += len(frame)

    def _start_flusher(self) -> None:
        if self._held and not self._flushing:
            self._flushing = True
            self._sending.spawn(self._flush)

    def _push(self, frame: bytes) -> int:
        try:
            return self._give(frame)
        except BlockingIOError:
            return 0
        except OSError:
            self._drop()
            return 0

    def _drain(self) -> None:
        while held := self._held:
            sent = self._push(held[0])
            if sent < len(held[0]):
                held[0] = held[0][sent:]
                self._size -= sent
                return
            self._size -= len(held.popleft())
        self._held = None
        if self._last:
            with contextlib.suppress(OSError):
                self._stream.finish()

    def _drop(self) -> None:
        self._open = self._last = False
        self._held = None
        self._size = 0

    def _flush(self) -> None:
        while self._stream.wait_writable(self._sending.patience):
            with self._guard:
                self._drain()
                if self.done:
                    self._flushing = False
                    return
        self._give_up()
        self._flushing = False

    def _give_up(self) -> None:
        self.cut()
        self._sending.slow()
