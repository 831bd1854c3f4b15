"""The generator: a command per line on stdin, an answer per line on stdout, both JSON.

Each answer says in ``busy`` how much of one core the generator itself used meanwhile: it must not
be what limits the figures.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections import deque
from typing import Any

from benchmarks.load.calls import Calls, request
from benchmarks.load.loop import READ, Loop
from benchmarks.load.opening import Opening
from benchmarks.load.sockets import Client, Crowd
from benchmarks.load.storm import Storm

Json = dict[str, Any]

# Pushes have settled when none came for so long, in seconds.
QUIET = 0.4


class Generator:
    """The commands, one method each."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.crowd = Crowd(self.loop)
        self.storm: Storm | None = None

    def connect(self, port: int, users: list[str], tokens: list[str], seconds: float) -> Json:
        """Open one socket for each of ``users``, a few at a time."""
        self.crowd.port = port
        pairs = zip(users, tokens, strict=True)
        self.crowd.clients = [
            Client(self.crowd, number, user, token) for number, (user, token) in enumerate(pairs)
        ]
        opening = Opening(self.crowd)
        opening.start()
        opening_done = self.loop.run(lambda: opening.done, seconds)
        return {"live": self.crowd.live(), "complete": opening_done, "retries": opening.retries}

    def calls(
        self,
        port: int,
        requests: list[tuple[str, str, str, str]],
        concurrency: int,
        seconds: float,
        rate: float = 0.0,
        most: int = sys.maxsize,
    ) -> Json:
        """Make requests (method, path, token, body) in random order."""
        contents = [request(m, path, token, body.encode()) for m, path, token, body in requests]
        calls = Calls(self.loop, port, contents, concurrency, most)
        began = time.perf_counter()
        calls.start(rate, seconds)
        self.loop.run(lambda: calls.done, seconds + 60)
        took = time.perf_counter() - began
        calls.close()
        return {
            "latencies": [round(one, 6) for one in calls.seconds],
            "statuses": {str(status): count for status, count in calls.statuses.items()},
            "took": took,
            "late": calls.late,
        }

    def forget(self) -> Json:
        """Begin to record pushes anew."""
        self.crowd.forget()
        return {}

    def settle(self, seconds: float) -> Json:
        """Go on until no push came for a moment; how many there were."""
        seen, since = -1, time.monotonic()

        def quiet() -> bool:
            nonlocal seen, since
            if len(self.crowd.arrivals) != seen:
                seen, since = len(self.crowd.arrivals), time.monotonic()
            return time.monotonic() - since > QUIET

        self.loop.run(quiet, seconds)
        return {"pushes": seen, "live": self.crowd.live()}

    def rest(self, seconds: float) -> Json:
        """Do nothing but answer heartbeats."""
        self.loop.run(lambda: False, seconds)
        return {"heartbeats": self.crowd.heartbeats, "live": self.crowd.live()}

    def arrivals(self) -> Json:
        """Every push since ``forget``: when, for which client, and its timestamp."""
        return {"arrivals": self.crowd.arrivals}

    def delays(self) -> Json:
        """Milliseconds from each push's timestamp to its arrival."""
        return {"delays": [(came - stamp) * 1e3 for came, _, stamp in self.crowd.arrivals]}

    def arm(self, polls_after_head: bool) -> Json:
        """From now on, who loses the connection comes back and catches up."""
        self.storm = Storm(self.crowd, polls_after_head)
        return {}

    def recover(self, seconds: float) -> Json:
        """Go on until everyone who lost the connection is right again."""
        assert self.storm is not None
        storm = self.storm
        self.loop.run(lambda: storm.done, seconds)
        answer = storm.figures()
        storm.disarm()
        return answer

    def hang_up(self) -> Json:
        """Close every socket."""
        for client in self.crowd.clients:
            client.close()
        self.crowd.clients = []
        return {}


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    generator = Generator()
    lines = Lines()
    generator.loop.add(sys.stdin.fileno(), READ, lines.read)
    while not lines.ended:
        # Between commands the sockets are served too.
        generator.loop.run(lambda: bool(lines.waiting or lines.ended), 86_400)
        while lines.waiting:
            print(json.dumps(carried_out(generator, json.loads(lines.waiting.popleft()))))
            sys.stdout.flush()


def carried_out(generator: Generator, command: Json) -> Json:
    """The answer to a command."""
    wall, busy = time.perf_counter(), time.process_time()
    answer: Json = getattr(generator, command.pop("do"))(**command)
    busy, wall = time.process_time() - busy, time.perf_counter() - wall
    return {**answer, "busy": busy / wall if wall else 0.0}


class Lines:
    """The lines of stdin that wait."""

    def __init__(self) -> None:
        self.ended = False
        self.waiting: deque[bytes] = deque()
        self._rest = b""

    def read(self, _events: int) -> None:
        data = os.read(sys.stdin.fileno(), 1 << 20)
        self.ended = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.waiting += lines


if __name__ == "__main__":
    main()
