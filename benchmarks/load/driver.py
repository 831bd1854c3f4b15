"""The generator as its user sees it: a process, and a method for each command."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from benchmarks.figures import percentile
from tests.support import ROOT

# Above this share of a core the generator may be what limits the figures.
TOO_BUSY = 0.8
LONGEST_ANSWER = 300.0  # seconds


@dataclass
class Called:
    """What came of some requests; seconds where not said otherwise."""

    answered: int
    took: float
    p50_ms: float
    p99_ms: float
    busy: float
    notes: list[str]


class Load:
    """Commands the generator. Use it as a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and wait for its answer. Raises RuntimeError if there is none."""
        self.tell(do, **arguments)
        return self.answer()

    def tell(self, do: str, **arguments: Any) -> None:
        """Send a command; ``answer`` has to follow."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The answer to what was told last."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], LONGEST_ANSWER)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self._process.kill()
            raise RuntimeError("the load generator does not answer; see above")
        found: dict[str, Any] = json.loads(line)
        return found

    def call(self, **arguments: Any) -> Called:
        """Make HTTP requests. Raises RuntimeError if none was answered well."""
        answer = self.ask("calls", **arguments)
        good = sum(n for status, n in answer["statuses"].items() if status.startswith("2"))
        bad = {status: n for status, n in answer["statuses"].items() if not status.startswith("2")}
        if not good:
            raise RuntimeError(f"no request was answered well: {bad}")
        notes = [f"other answers: {bad}"] if bad else []
        if answer["late"]:
            notes.append(f"{answer['late']} requests had to wait for a free connection")
        if answer["busy"] > TOO_BUSY:
            notes.append("the generator was too busy: not to be relied on")
        return Called(
            good,
            answer["took"],
            percentile(answer["latencies"], 0.5) * 1e3,
            percentile(answer["latencies"], 0.99) * 1e3,
            answer["busy"],
            notes,
        )
