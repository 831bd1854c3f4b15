"""A process that sends without a server: dying before it publishes, or flooding one user.

``python -m tests.faults.producer`` reads one JSON line for each job and answers with a line.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from tests.faults.services import Services
from tests.services.process import Reaper
from tests.services.server import SECRET_KEY, clean_environment
from tests.support import ROOT

NAMES = 500
PADDING = "x" * 1_000
_FLUSH_SECONDS = 30.0


class Producer:
    """The process, as a scenario holds it. A context manager."""

    def __init__(self, services: Services) -> None:
        self._reaper: Reaper = services.reaper
        self._env = clean_environment(
            DATABASE_URL=services.database_url,
            REDIS_URL=services.redis_url,
            SECRET_KEY=SECRET_KEY,
        )

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.producer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._env,
            cwd=ROOT,
            text=True,
            start_new_session=True,
        )
        self._reaper.watch(self._process.pid)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._reaper.forget(self._process.pid)

    def send_and_die(self, users: Sequence[str]) -> float:
        """A child sends one message to ``users`` and is killed; the monotonic time of that."""
        status = self._ask({"die": list(users)})
        if status != -signal.SIGKILL:
            raise RuntimeError(f"the producer was not killed, it ended with {status}")
        return time.monotonic()

    def flood(self, user: str, total: int) -> int:
        """Set ``total`` notifications of ``user``, and return how many were published."""
        return self._ask({"flood": user, "total": total})

    def _ask(self, job: dict[str, Any]) -> int:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(job) + "\n")
        stdin.flush()
        return int(stdout.readline())


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        answer = _in_child(job["die"]) if "die" in job else _flood(job["flood"], job["total"])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _in_child(users: Sequence[str]) -> int:
    """Send from a fresh process; its exit status, negative for a signal."""
    pid = os.fork()
    if pid == 0:
        _send_and_die(users)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _send_and_die(users: Sequence[str]) -> None:
    notifier = _notifier()

    def die(_events: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    notifier.publisher.publish = die
    with notifier.transaction():
        notifier.send(list(users), "sent by somebody who did not live to publish it")


def _flood(user: str, total: int) -> int:
    notifier = _notifier()
    for number in range(total // NAMES):
        with notifier.transaction():
            for name in range(NAMES):
                notifier.notify(user, f"flood.{name}", [number, PADDING])
        notifier.publisher.flush(_FLUSH_SECONDS)
    published = int(notifier.publisher.published)
    notifier.publisher.close(_FLUSH_SECONDS)
    notifier.engine.dispose()
    return published


def _notifier() -> Any:
    from notifier import Notifier

    return Notifier.from_url(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])


if __name__ == "__main__":
    main()
