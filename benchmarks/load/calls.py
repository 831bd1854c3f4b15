"""HTTP clients that keep their connections: closed loops, or a given rate."""

from __future__ import annotations

import itertools
import random
import re
import socket
import time
from collections import Counter, deque
from collections.abc import Sequence

from benchmarks.load.loop import READ, Loop

LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)
LARGEST_READ = 65_536


def request(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """The bytes of a request on a connection that stays open."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Caller:
    """One connection with at most one request under way."""

    def __init__(self, calls: Calls, port: int) -> None:
        self._calls = calls
        self._buffer = b""
        self._since = 0.0
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        calls.loop.add(self.sock.fileno(), READ, self.ready)

    def call(self, content: bytes, since: float) -> None:
        """Send a request whose time is counted from ``since``."""
        self._since = since
        self.sock.settimeout(30)
        self.sock.sendall(content)
        self.sock.setblocking(False)

    def ready(self, _events: int) -> None:
        try:
            data = self.sock.recv(LARGEST_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._calls.broken(self)
            return
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        found = LENGTH.search(self._buffer, 0, end) if end >= 0 else None
        if end < 0 or found is None or len(self._buffer) < end + 4 + int(found[1]):
            return
        status, self._buffer = int(self._buffer[9:12]), b""
        self._calls.answered(self, status, time.perf_counter() - self._since)

    def close(self) -> None:
        self._calls.loop.remove(self.sock.fileno())
        self.sock.close()


class Calls:
    """``contents``, shuffled, again and again over ``concurrency`` connections.

    Without a ``rate`` each connection asks again as soon as it is answered. With one, requests
    become due evenly, and their time counts from then, even if no connection is free.
    """

    def __init__(
        self, loop: Loop, port: int, contents: Sequence[bytes], concurrency: int, most: int
    ) -> None:
        self.loop = loop
        self.seconds: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.late = 0
        self._left = most
        self._stopped = False
        self._due: deque[float] = deque()
        self._rate = 0.0
        shuffled = random.Random(1).sample(contents, len(contents))
        self._contents = itertools.cycle(shuffled)
        self._callers = [Caller(self, port) for _ in range(concurrency)]
        self._idle = list(self._callers)

    def start(self, rate: float, seconds: float) -> None:
        """Begin, and stop asking after ``seconds``."""
        self._rate = rate
        self.loop.later(seconds, self._stop)
        if rate:
            self._began, self._scheduled = time.perf_counter(), 0
            self._tick()
        else:
            while self._idle and self._left > 0:
                self._ask(self._idle.pop(), time.perf_counter())

    @property
    def done(self) -> bool:
        """Whether every request was answered and no more will be made."""
        over = self._stopped or self._left <= 0
        return over and len(self._idle) == len(self._callers)

    def answered(self, caller: Caller, status: int, seconds: float) -> None:
        self.seconds.append(seconds)
        self.statuses[status] += 1
        if self._stopped or self._left <= 0:
            self._idle.append(caller)
        elif not self._rate:
            self._ask(caller, time.perf_counter())
        elif self._due:
            self._ask(caller, self._due.popleft())
        else:
            self._idle.append(caller)

    def broken(self, caller: Caller) -> None:
        self.statuses[0] += 1
        caller.close()
        if caller in self._idle:
            self._idle.remove(caller)
        self._callers.remove(caller)

    def close(self) -> None:
        for caller in self._callers:
            caller.close()

    def _ask(self, caller: Caller, since: float) -> None:
        self._left -= 1
        caller.call(next(self._contents), since)

    def _tick(self) -> None:
        if self._stopped:
            return
        while (due := self._began + self._scheduled / self._rate) <= time.perf_counter():
            self._scheduled += 1
            if self._idle:
                self._ask(self._idle.pop(), due)
            else:
                self.late += 1
                self._due.append(due)
        self.loop.later(max(0.0, due - time.perf_counter()), self._tick)

    def _stop(self) -> None:
        self._stopped = True
