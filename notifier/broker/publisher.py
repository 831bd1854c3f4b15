"""Publishing through Redis without anybody waiting for it."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from redis import Redis
from redis.exceptions import RedisError

from ..operations import Event
from . import wire

__all__ = ["RedisPublisher"]

log = logging.getLogger("notifier.broker")

_BATCH = 200
# After a failure, before the next try: long enough not to spin, short against queue_seconds.
_PAUSE_SECONDS = 0.2
_EXIT_SECONDS = 2.0


class RedisPublisher:
    """Publishes events from a background thread, pipelined, out of a bounded queue.

    ``publish`` only appends. What could not be published within ``queue_seconds``, or did not
    fit in ``queue_size``, is dropped and counted: the sweep of each worker then announces the
    heads. Works the same under eventlet, gevent and threads, and after a fork.
    """

    def __init__(
        self, connect: Callable[[], Redis], prefix: str, queue_size: int, queue_seconds: float
    ) -> None:
        self._connect = connect
        self._prefix = prefix
        self._size = queue_size
        self._seconds = queue_seconds
        self.published = 0
        self.dropped = 0
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._queue: deque[tuple[float, Event]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._busy = False
        self._closing = False
        self._failing_since: float | None = None
        self._lost = 0

    def publish(self, events: Sequence[Event]) -> None:
        """Queue ``events``. Returns at once and never raises."""
        if not events:
            return
        if self._pid != os.getpid():
            # A fork inherits the queue, but neither the thread nor the right to the socket.
            self._reset()
        expires = time.monotonic() + self._seconds
        with self._changed:
            for event in events:
                if len(self._queue) >= self._size:
                    self._drop(self._queue.popleft()[1])
                self._queue.append((expires, event))
            if self._thread is None:
                self._begin()
            self._changed.notify_all()

    def flush(self, timeout: float) -> None:
        """Wait until what is queued is published or dropped, for at most ``timeout`` seconds."""
        if self._pid == os.getpid():
            with self._changed:
                self._changed.wait_for(lambda: not self._queue and not self._busy, timeout)

    def close(self, timeout: float) -> None:
        """Publish what is queued, for at most ``timeout`` seconds, and end the thread."""
        self.flush(timeout)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread, self._thread = self._thread, None
        atexit.unregister(self._at_exit)
        if thread is not None:
            thread.join(timeout)
        if self._queue:
            log.warning(
                "%d events were not published before the end; the sweep will announce them",
                len(self._queue),
            )

    def _begin(self) -> None:
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()
        # A script that ends right after its commit has not waited for the thread.
        atexit.register(self._at_exit)

    def _at_exit(self) -> None:
        self.flush(_EXIT_SECONDS)

    def _run(self) -> None:
        redis = self._connect()
        while batch := self._take():
            try:
                self._send(redis, batch)
            except (RedisError, OSError) as error:
                self._failed(batch, error)
            else:
                self._succeeded(len(batch))
        redis.connection_pool.disconnect()

    def _take(self) -> list[tuple[float, Event]]:
        """The next events to publish, waiting for some; none when the publisher is closing."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            while True:
                self._changed.wait_for(lambda: self._queue or self._closing)
                if self._closing:
                    return []
                self._drop_expired()
                if self._queue:
                    self._busy = True
                    count = min(_BATCH, len(self._queue))
                    return [self._queue.popleft() for _ in range(count)]

    def _send(self, redis: Redis, batch: Sequence[tuple[float, Event]]) -> None:
        pipeline = redis.pipeline(transaction=False)
        for _, event in batch:
            pipeline.publish(wire.channel(self._prefix, event.user), wire.encode(event))
        pipeline.execute()

    def _succeeded(self, count: int) -> None:
        self.published += count
        if self._failing_since is not None:
            log.warning(
                "Redis takes publications again after %.1f s; %d events were dropped and are "
                "left to the sweep",
                time.monotonic() - self._failing_since,
                self._lost,
            )
            self._failing_since, self._lost = None, 0

    def _failed(self, batch: Sequence[tuple[float, Event]], error: Exception) -> None:
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            log.warning(
                "Redis does not take publications (%s); sends go on, pages follow by the sweep "
                "and by polling. Check REDIS_URL and the server.",
                error,
            )
        with self._changed:
            self._queue.extendleft(reversed(batch))
            while len(self._queue) > self._size:
                self._drop(self._queue.popleft()[1])
            self._drop_expired()
            self._changed.wait_for(lambda: self._closing, _PAUSE_SECONDS)

    def _drop_expired(self) -> None:
        now = time.monotonic()
        while self._queue and self._queue[0][0] < now:
            self._drop(self._queue.popleft()[1])

    def _drop(self, _event: Event) -> None:
        self.dropped += 1
        self._lost += 1
