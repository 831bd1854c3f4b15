"""A live client that never gives up, as patient as the browser's: one user, one socket, the rule.

It keeps what a scenario wants to know: pushes with their time, polls by their reason, ends of
connections. The delays are those of `static/notifier/timing.js`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from collections import Counter
from typing import Any

from notifier.models import UNREAD
from tests.faults.talk import WebSocket, request
from tests.rule import Json, Rule

GRACE = 0.1
CONNECT_TIMEOUT = 10.0
STABLE = 10.0
JITTER = 0.5
# (first, most) seconds between attempts
FETCH_BACKOFF = (1.0, 60.0)
RECONNECT_BACKOFF = (0.5, 3.0)
# After the loss of a socket the first poll comes this much later.
LOST = (2.0, 4.0)
BUSY_BACKOFF = (2.0, 60.0)
SAFETY_POLL = 60.0
FULL_EVERY = 6

HEAD, HOLE, AWAY, SAFETY = "head", "hole", "away", "safety"
"""Why a client polled; the last two are its own idea, the others come of what it was sent."""


class Refused(Exception):
    """CONNECT was answered with an error; ``args[0]`` is its code."""


def backoff(delays: tuple[float, float], attempt: int) -> float:
    first, most = delays
    return min(first * 2.0**attempt, most) * random.uniform(1 - JITTER, 1 + JITTER)


class Client:
    """Follows ``user`` on the server at ``port`` from ``start`` to ``stop``.

    With ``own_polls=False`` it polls only where a push or a head made it.
    """

    def __init__(self, user: str, token: str, port: int, *, own_polls: bool = True) -> None:
        self.user = user
        self.rule = Rule()
        self.connected = False
        self.local_port = 0
        self.pushes: list[tuple[float, float, float]] = []
        self.polls: Counter[str] = Counter()
        self.ends: list[tuple[float, str]] = []
        self.refusals: Counter[str] = Counter()
        self._token = token
        self._port = port
        self._own_polls = own_polls
        self._tasks: list[asyncio.Task[None]] = []
        self._catching: asyncio.Task[None] | None = None
        self._again = False
        self._grace: asyncio.TimerHandle | None = None
        self._asked = self._asked_full = time.monotonic()
        self._interval = 10.0
        self._quick = 0

    @property
    def count(self) -> int:
        """The badge."""
        return int(self.rule.value(UNREAD))

    @property
    def regressions(self) -> int:
        """How often something older was shown after something newer."""
        newest: dict[str, float] = {}
        found = 0
        for name, timestamp, _ in self.rule.shown:
            found += timestamp <= newest.get(name, 0.0)
            newest[name] = max(timestamp, newest.get(name, 0.0))
        return found

    async def start(self) -> None:
        self._tasks.append(asyncio.create_task(self._run()))
        if self._own_polls:
            self._tasks.append(asyncio.create_task(self._poll_by_itself()))

    async def stop(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
        tasks = [*self._tasks, *([self._catching] if self._catching else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        attempts = 0
        while True:
            delays = RECONNECT_BACKOFF
            began = time.monotonic()
            try:
                await self._session()
            except Refused as error:
                self.refusals[str(error)] += 1
                delays = BUSY_BACKOFF
            except OSError as error:
                if self.connected:
                    self.ends.append((time.monotonic(), str(error) or type(error).__name__))
            if self.connected and time.monotonic() - began >= STABLE:
                attempts = 0
            if self.connected:
                self._asked = time.monotonic() - self._interval + random.uniform(*LOST)
            self.connected = False
            await asyncio.sleep(backoff(delays, attempts))
            attempts += 1

    async def _session(self) -> None:
        path = "/socket.io/?EIO=4&transport=websocket"
        socket = await WebSocket.open(self._port, path, CONNECT_TIMEOUT)
        try:
            opened = await socket.receive(CONNECT_TIMEOUT)
            terms = json.loads(opened[1:])
            patience = (terms["pingInterval"] + terms["pingTimeout"]) / 1000
            socket.send("40" + json.dumps({"token": self._token}))
            while True:
                self._take(socket, await socket.receive(patience))
        finally:
            socket.close()

    def _take(self, socket: WebSocket, packet: str) -> None:
        if packet == "2":
            socket.send("3")
        elif packet.startswith("40"):
            self.connected = True
            self.local_port = socket.local_port
        elif packet.startswith("42"):
            self._event(*json.loads(packet[2:]))
        elif packet.startswith("44"):
            raise Refused(json.loads(packet[2:])["data"]["code"])
        elif packet in ("1", "41"):
            raise ConnectionError("the server ended the session")

    def _event(self, name: str, data: Json) -> None:
        if name == "head":
            timestamp = data["timestamp"]
            if timestamp < self.rule.cursor:
                self._catch_up(full=True, why=HEAD)
            elif self.rule.head(timestamp):
                self._wait_for_holes()
        else:
            self.pushes.append((time.monotonic(), data["previous"], data["timestamp"]))
            if self.rule.push(data):
                self._wait_for_holes()

    def _wait_for_holes(self) -> None:
        if self.rule.holes and self._grace is None:
            self._grace = asyncio.get_running_loop().call_later(GRACE, self._grace_over)

    def _grace_over(self) -> None:
        self._grace = None
        if self.rule.holes and self._catching is None:
            head = any(previous == timestamp for previous, timestamp in self.rule.holes)
            self._catch_up(full=head, why=HEAD if head else HOLE)

    def _catch_up(self, *, full: bool, why: str) -> None:
        if self._catching is None:
            self._catching = asyncio.create_task(self._ask(full, why))
        else:
            self._again = self._again or full

    async def _ask(self, full: bool, why: str) -> None:
        since, events = await self._poll(full, why)
        self.rule.answer(since, events)
        self._catching = None
        again, self._again = self._again, False
        if again:
            self._catch_up(full=True, why=why)
        else:
            self._wait_for_holes()

    async def _poll(self, full: bool, why: str) -> tuple[float, list[Any]]:
        """Ask until there is an answer; what the first request asked for is still owed."""
        failures = 0
        while True:
            since = self.rule.ask(full)
            self.polls[why] += 1
            self._asked = time.monotonic()
            self._asked_full = self._asked if full else self._asked_full
            with contextlib.suppress(OSError):
                path = f"/notifications?since={since!r}"
                answer = await request(self._port, "GET", path, self._token)
                if answer.status == 200:
                    self._interval = float(answer.headers["poll-interval"])
                    return since, answer.json()
            await asyncio.sleep(backoff(FETCH_BACKOFF, failures))
            failures += 1

    async def _poll_by_itself(self) -> None:
        while True:
            await asyncio.sleep(random.uniform(0.8, 1.2))
            now = time.monotonic()
            if self.connected:
                if now - self._asked_full >= SAFETY_POLL:
                    self._catch_up(full=True, why=SAFETY)
            elif now - self._asked >= self._interval:
                self._quick += 1
                self._catch_up(full=self._quick % FULL_EVERY == 0, why=AWAY)
