"""Publishing through Redis without anybody waiting for it."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from redis.exceptions import RedisError

from ..operations import Event
from ..stamps import system_clock
from .backlog import Backlog, Waiting
from .connection import Message, Sender
from .parting import before_exit
from .stream import Stream
from .wire import LARGEST, Wire, encode_event, encode_users

__all__ = ["RedisPublisher"]

log = logging.getLogger("notifier.broker")

_BATCH = 200
# After a failure, before the next try: long enough not to spin, short against queue_seconds.
_PAUSE_SECONDS = 0.2
# So long after its last message a stream is over, and what is pending is confirmed.
_CONFIRM_SECONDS = 0.05
_EXIT_SECONDS = 2.0
# Beyond this many users whose events were dropped, asking for all of them is shorter.
_MOST_NAMED = 500
_LONGEST_REQUEST = LARGEST // 2  # bytes, with room for the seal


class RedisPublisher:
    """Publishes events from a background thread, pipelined, out of a bounded queue.

    ``publish`` only appends. Of several waiting events of one user and name the newest survives.
    What could not be published within ``queue_seconds``, or does not fit in ``queue_size``, is
    dropped and counted; once Redis is back, every worker is asked to sweep those users. Works the
    same under eventlet, gevent and threads, and after a fork. ``observe`` is told what was
    published, and when, in microseconds since the epoch, once that is known.
    """

    def __init__(
        self, connect: Callable[[], Sender], wire: Wire, queue_size: int, queue_seconds: float
    ) -> None:
        self._connect = connect
        self._wire = wire
        self._size = queue_size
        self._seconds = queue_seconds
        self.published = 0
        self.dropped = 0
        self.observe: Callable[[Sequence[Event], int], None] = lambda _events, _at: None
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._backlog = Backlog(self._size)
        self._notes: dict[str, bytes] = {}
        self._missed: set[str] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stay: Callable[[], None] = lambda: None
        self._stream = Stream()
        self._busy = False
        self._hurry = 0
        self._closing = False
        self._failing_since: float | None = None
        self._lost = 0

    @property
    def coalesced(self) -> int:
        """How many events were replaced by a newer one while they waited."""
        return self._backlog.coalesced

    @property
    def depth(self) -> int:
        """How many events wait, or are not known to be published."""
        return len(self._backlog) + self._stream.depth

    def publish(self, events: Sequence[Event]) -> None:
        """Queue ``events``. Returns at once and never raises."""
        if not events:
            return
        expires = time.monotonic() + self._seconds
        with self._own():
            for event in events:
                if lost := self._backlog.add(event, expires):
                    self._drop(lost)
            self._wake()

    def note(self, channel: str, content: bytes) -> None:
        """Publish ``content`` on ``channel`` soon, unless a newer note there comes first."""
        with self._own():
            self._notes[channel] = content
            self._wake()

    def flush(self, timeout: float) -> None:
        """Wait until what is queued is published or dropped, for at most ``timeout`` seconds."""
        if self._pid == os.getpid():
            with self._changed:
                self._hurry += 1
                self._changed.notify_all()
                try:
                    self._changed.wait_for(lambda: not self._backlog and not self._busy, timeout)
                finally:
                    self._hurry -= 1

    def close(self, timeout: float) -> None:
        """Publish what is queued, for at most ``timeout`` seconds, and end the thread."""
        self.flush(timeout)
        with self._own():
            self._closing = True
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        self._stay()
        if thread is not None:
            thread.join(timeout)
        if self.depth:
            log.warning(
                "%d events were not published before the end; the sweep will announce them",
                self.depth,
            )

    def _own(self) -> threading.Condition:
        """The lock of this process: a fork inherits neither the thread nor a usable socket."""
        if self._pid != os.getpid():
            self._reset()
        return self._changed

    def _wake(self) -> None:
        if self._thread is None:
            self._closing = False
            self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
            self._thread.start()
            # A script that ends right after its commit has not waited for the thread.
            self._stay = before_exit(self._at_exit)
        self._changed.notify_all()

    def _at_exit(self) -> None:
        self.flush(_EXIT_SECONDS)

    def _run(self) -> None:
        pid, sender = self._pid, self._connect()
        while self._wait(bool(sender.pending)):
            if os.getpid() != pid:
                # A copy that a fork made of a green thread: the connection is not its own.
                return
            with self._changed:
                batch, notes, missed = self._take()
            now = system_clock()
            try:
                messages = self._messages(batch, notes, missed, now)
            except Exception:  # noqa: BLE001 -- logged there
                self._give_up(batch, missed)
                continue
            if batch:
                self._stream.hand(now, batch)
            urgent = bool(missed or self._hurry or self._closing)
            try:
                if self._stream.publish(sender, messages, urgent=urgent):
                    self._succeeded()
            except (RedisError, OSError) as error:
                self._failed(missed, error)
            except Exception:  # noqa: BLE001 -- logged there
                self._give_up(self._stream.take_back(), missed)
        sender.close()

    def _give_up(self, batch: Sequence[Waiting], missed: set[str]) -> None:
        """Whatever it was, these are not to be tried again, and others wait behind them."""
        log.exception("%d events could not be published; the sweep finds them", len(batch))
        with self._changed:
            self._missed |= missed
            self._drop([waiting.event for waiting in batch])

    def _wait(self, unconfirmed: bool) -> bool:
        """Wait for something to do, which may be to confirm; False when there is nothing more."""
        with self._changed:
            if not unconfirmed:
                self._busy = False
                self._changed.notify_all()
            self._changed.wait_for(
                lambda: (
                    (self._backlog or self._notes or self._missed or self._closing)
                    or (unconfirmed and self._hurry)
                ),
                _CONFIRM_SECONDS if unconfirmed else None,
            )
            self._busy = unconfirmed or not self._closing
            return self._busy

    def _take(self) -> tuple[list[Waiting], dict[str, bytes], set[str]]:
        self._drop(self._backlog.expire(time.monotonic()))
        notes, self._notes = self._notes, {}
        missed, self._missed = self._missed, set()
        return self._backlog.take(_BATCH), notes, missed

    def _messages(
        self, batch: Iterable[Waiting], notes: dict[str, bytes], missed: set[str], now: int
    ) -> list[Message]:
        contents = list(notes.items())
        contents += [
            (self._wire.channel(one.event.user), encode_event(one.event, now)) for one in batch
        ]
        if missed:
            contents.append((self._wire.control, _sweep_request(missed)))
        return [(channel, self._wire.seal(channel, content)) for channel, content in contents]

    def _succeeded(self) -> None:
        """Everything that was handed over is published."""
        for at, batch in self._stream.take():
            self.published += len(batch)
            self.observe([one.event for one in batch], at)
        if self._failing_since is not None:
            log.warning(
                "Redis takes publications again after %.1f s; %d events were dropped and are "
                "left to the sweep",
                time.monotonic() - self._failing_since,
                self._lost,
            )
            self._failing_since, self._lost = None, 0

    def _failed(self, missed: set[str], error: Exception) -> None:
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            log.warning(
                "Redis does not take publications (%s); sends go on, pages follow by the sweep "
                "and by polling. Check REDIS_URL and the server.",
                error,
            )
        with self._changed:
            self._missed |= missed
            self._drop(self._backlog.put_back(self._stream.take_back()))
            self._drop(self._backlog.expire(time.monotonic()))
            self._changed.wait_for(lambda: self._closing, _PAUSE_SECONDS)

    def _drop(self, events: Sequence[Event]) -> None:
        self.dropped += len(events)
        self._lost += len(events)
        if len(self._missed) <= _MOST_NAMED:
            self._missed.update(event.user for event in events)


def _sweep_request(missed: set[str]) -> bytes:
    """The content that names whom to sweep, or everyone where that would be too long."""
    named = encode_users(sorted(missed)) if len(missed) <= _MOST_NAMED else b""
    return named if 0 < len(named) <= _LONGEST_REQUEST else encode_users(None)
