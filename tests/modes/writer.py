"""A process that writes when it is told to: jobs as JSON lines in, a line for each that is done.

A job is {"database", "redis", "user", "count"}: so many messages, each with a notification "burst".
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from notifier import Notifier
from tests.services.server import SECRET_KEY, clean_environment
from tests.support import ROOT


class Writer:
    """Such a process, as a test sees it. It ends with its standard input."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.modes.writer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=clean_environment(SECRET_KEY=SECRET_KEY),
            text=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._jobs, self._answers = self._process.stdin, self._process.stdout

    def begin(self, **job: Any) -> None:
        self._jobs.write(json.dumps(job) + "\n")
        self._jobs.flush()

    def finish(self) -> None:
        assert self._answers.readline() == "done\n"

    def close(self) -> None:
        self._jobs.close()
        self._answers.close()
        self._process.wait(20)


def carry_out(database: str, redis: str, user: str, count: int) -> None:
    notifier = Notifier.from_url(database, redis)
    for number in range(count):
        with notifier.transaction():
            notifier.notify(user, "burst", number)
            notifier.send(user, "hi")
    notifier.stop(10)
    notifier.engine.dispose()


def main() -> None:
    for line in sys.stdin:
        carry_out(**json.loads(line))
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
