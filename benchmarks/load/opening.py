"""Opening many sockets, a few at a time: servers listen with short queues."""

from __future__ import annotations

from collections import deque

from benchmarks.load.sockets import Client, Crowd

AT_ONCE = 40
MOST_RETRIES = 1_000


class Opening:
    """Opens all clients of a crowd once; one that fails is tried again."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._todo = deque(crowd.clients)
        self._under_way = 0
        self.retries = 0

    def start(self) -> None:
        """Open the first few; the others follow as these are done."""
        self._crowd.joined = self._joined
        self._crowd.lost = self._lost
        for _ in range(AT_ONCE):
            self._next()

    @property
    def done(self) -> bool:
        """Whether all are open."""
        return not self._todo and not self._under_way

    def _next(self) -> None:
        if self._todo:
            self._under_way += 1
            self._todo.popleft().open()

    def _joined(self, _client: Client) -> None:
        self._under_way -= 1
        self._next()

    def _lost(self, client: Client, was: str) -> None:
        if was == "live":
            return
        self._under_way -= 1
        self.retries += 1
        if self.retries <= MOST_RETRIES:
            self._todo.append(client)
            self._crowd.loop.later(0.05, self._next)
