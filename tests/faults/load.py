"""Messages sent over HTTP at a steady pace, whether the server keeps up or not."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.faults.talk import Answer, request

CUT = 0
"""The status of a send that got no answer."""

_TIMEOUT = 20.0


@dataclass(frozen=True)
class Sent:
    """One send: when it began and ended (monotonic), and what came of it."""

    began: float
    ended: float
    status: int
    user: str
    id: int = 0
    timestamp: float = 0.0
    retry_after: str = ""
    problem: str = ""

    @property
    def took(self) -> float:
        return self.ended - self.began


class Load:
    """Sends ``rate`` messages a second to random users, each by another random user."""

    def __init__(self, port: int, tokens: Mapping[str, str], rate: float) -> None:
        self.sends: list[Sent] = []
        self._port = port
        self._tokens = tokens
        self._users = list(tokens)
        self._rate = rate
        self._serial = itertools.count(1)
        self._pacer: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Sent]] = set()

    async def start(self) -> None:
        self._pacer = asyncio.create_task(self._pace())

    async def stop(self) -> None:
        """Begin no more sends, and wait for those that run."""
        if self._pacer is not None:
            self._pacer.cancel()
            await asyncio.wait([self._pacer])
            self._pacer = None
        await asyncio.gather(*self._running)

    async def cancel(self) -> None:
        for task in [*self._running, *([self._pacer] if self._pacer else [])]:
            task.cancel()

    async def send(self, to: str | Sequence[str]) -> Sent:
        """Send one message now."""
        user = to if isinstance(to, str) else to[0]
        token = self._tokens[random.choice(self._users)]
        content = {"to": to, "body": f"message {next(self._serial)}"}
        began = time.monotonic()
        try:
            answer = await request(self._port, "POST", "/api/v1/messages", token, content, _TIMEOUT)
        except OSError as error:
            sent = Sent(began, time.monotonic(), CUT, user, problem=str(error))
        else:
            sent = _sent(began, user, answer)
        self.sends.append(sent)
        return sent

    async def _pace(self) -> None:
        due = time.monotonic()
        while True:
            task = asyncio.create_task(self.send(random.choice(self._users)))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            due += 1 / self._rate
            await asyncio.sleep(max(due - time.monotonic(), 0))


def _sent(began: float, user: str, answer: Answer) -> Sent:
    ended = time.monotonic()
    if answer.status != 201:
        retry_after = answer.headers.get("retry-after", "")
        problem = answer.content[:200].decode(errors="replace")
        return Sent(began, ended, answer.status, user, 0, 0.0, retry_after, problem)
    message = answer.json()["messages"][0]
    return Sent(began, ended, 201, user, message["id"], message["timestamp"])


def statuses(sends: Sequence[Sent]) -> Counter[str]:
    """How often each status was answered; ``cut`` is none."""
    return Counter("cut" if one.status == CUT else str(one.status) for one in sends)


def p99(sends: Sequence[Sent]) -> float:
    """The 99th percentile of the time that sends took, in seconds."""
    ordered = sorted(one.took for one in sends)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] if ordered else 0.0
