"""The generator's event loop: epoll and timers, and nothing in between.

asyncio takes three to four times the CPU for a small read, and the generator shares the machine
with what it measures.
"""

from __future__ import annotations

import heapq
import itertools
import select
import time
from collections.abc import Callable

Handler = Callable[[int], None]
"""Called with epoll's event mask."""

READ, WRITE = select.EPOLLIN, select.EPOLLOUT


class Loop:
    """Runs handlers of file descriptors and timers until ``run`` is told that it is done."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def add(self, fd: int, events: int, handler: Handler) -> None:
        """Call ``handler`` when ``fd`` is ready."""
        self._handlers[fd] = handler
        self._epoll.register(fd, events)

    def change(self, fd: int, events: int) -> None:
        """Wait for other events of ``fd``."""
        self._epoll.modify(fd, events)

    def remove(self, fd: int) -> None:
        """Forget ``fd``; call it before closing."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call ``call`` in ``seconds``."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), call))

    def run(self, done: Callable[[], bool], seconds: float) -> bool:
        """Run until ``done``, for at most ``seconds``; whether it was done."""
        deadline = time.monotonic() + seconds
        handlers = self._handlers
        while not done():
            now = time.monotonic()
            if now >= deadline:
                return False
            for fd, events in self._epoll.poll(self._patience(deadline, now), 512):
                handler = handlers.get(fd)
                if handler is not None:
                    handler(events)
            self._fire()
        return True

    def _patience(self, deadline: float, now: float) -> float:
        first = self._timers[0][0] if self._timers else deadline
        return max(0.0, min(first, deadline, now + 0.1) - now)

    def _fire(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
