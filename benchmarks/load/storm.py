"""Clients that come back after their worker died, and catch up by a poll."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Callable

from benchmarks.load.calls import LENGTH, request
from benchmarks.load.loop import READ
from benchmarks.load.sockets import Client, Crowd

RETRY = (0.02, 0.1)  # seconds, after a refusal
LARGEST_READ = 65_536


class Storm:
    """Brings every lost client back.

    It is right again when it has polled after its new connection stood. A server that tells the
    head saves those who missed nothing the poll (``polls_after_head``); with others everybody
    has to ask.
    """

    def __init__(self, crowd: Crowd, polls_after_head: bool) -> None:
        self._crowd = crowd
        self._after_head = polls_after_head
        self._out: set[int] = set()
        self._lost_at = 0.0
        self._back_at: list[float] = []
        self.polls = self.tries = self.failed = 0
        crowd.lost, crowd.joined, crowd.told = self._lost, self._joined, self._told

    @property
    def done(self) -> bool:
        """Whether anybody was lost and all of them are right again."""
        return bool(self._back_at) and not self._out

    def figures(self) -> dict[str, float]:
        """How many, how long after the first loss, and what it took."""
        seconds = sorted(self._back_at)
        return {
            "clients": len(seconds),
            "missing": len(self._out),
            "median": seconds[len(seconds) // 2] if seconds else 0.0,
            "last": seconds[-1] if seconds else 0.0,
            "polls": self.polls,
            "tries": self.tries,
            "failed": self.failed,
        }

    def disarm(self) -> None:
        """Leave who is lost from now on where it is."""
        self._crowd.lost = lambda _client, _was: None
        self._crowd.joined = self._crowd.told = lambda _client: None

    def _lost(self, client: Client, _was: str) -> None:
        now = time.monotonic()
        self._lost_at = self._lost_at or now
        self._out.add(client.number)
        self.tries += 1
        self._crowd.loop.later(random.uniform(*RETRY), client.open)

    def _joined(self, client: Client) -> None:
        if not self._after_head:
            self._poll(client)

    def _told(self, client: Client) -> None:
        if not self._after_head or client.number not in self._out:
            return
        if client.head > client.cursor:
            self._poll(client)
        else:
            self._right(client)

    def _poll(self, client: Client) -> None:
        self.polls += 1
        _Poll(self._crowd, client, self._polled)

    def _polled(self, client: Client, answer: bytes) -> None:
        status, _, body = answer.partition(b"\r\n\r\n")
        if b" 200 " not in status[:16]:
            self.failed += 1
            self._crowd.loop.later(random.uniform(*RETRY), lambda: self._poll(client))
            return
        for event in json.loads(body):
            client.cursor = max(client.cursor, event["timestamp"])
        self._right(client)

    def _right(self, client: Client) -> None:
        if client.number in self._out and client.state == "live":
            self._out.discard(client.number)
            self._back_at.append(time.monotonic() - self._lost_at)


class _Poll:
    """One poll on a connection of its own, as after any reconnect."""

    def __init__(self, crowd: Crowd, client: Client, then: Callable[[Client, bytes], None]) -> None:
        self._crowd, self._client, self._then = crowd, client, then
        self._answer = b""
        self._sock = socket.create_connection(("127.0.0.1", crowd.port), timeout=5)
        path = f"/notifications?since={client.cursor!r}"
        self._sock.sendall(request("GET", path, client.token))
        self._sock.setblocking(False)
        crowd.loop.add(self._sock.fileno(), READ, self._ready)

    def _ready(self, _events: int) -> None:
        try:
            data = self._sock.recv(LARGEST_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._answer += data
        end = self._answer.find(b"\r\n\r\n")
        found = LENGTH.search(self._answer, 0, end) if end >= 0 else None
        if data and (found is None or len(self._answer) < end + 4 + int(found[1])):
            return
        self._crowd.loop.remove(self._sock.fileno())
        self._sock.close()
        self._then(self._client, self._answer)
