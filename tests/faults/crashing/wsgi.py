"""The app as it is deployed, and two things that can be done to a worker from outside.

In the folder ``FAULTS_FOLDER``: whoever publishes while the file ``die`` exists removes it and is
killed, as if by the kernel, between commit and publish. The file ``clock-<pid>`` holds seconds by
which the wall clock of that worker is wrong.
"""

from __future__ import annotations

from notifier.engine.patching import patch

patch()

import os  # noqa: E402
import signal  # noqa: E402
import time  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from pathlib import Path  # noqa: E402

FOLDER = Path(os.environ["FAULTS_FOLDER"])
CLOCK = FOLDER / f"clock-{os.getpid()}"
CHECK_SECONDS = 0.05

_time, _time_ns = time.time, time.time_ns


class Offset:
    """Seconds by which the clock is wrong, read from the file now and then."""

    def __init__(self) -> None:
        self._checked = float("-inf")
        self._seconds = 0

    def __call__(self) -> int:
        now = time.monotonic()
        if now - self._checked > CHECK_SECONDS:
            self._checked = now
            self._seconds = int(CLOCK.read_text() or 0) if CLOCK.exists() else 0
        return self._seconds


offset = Offset()
time.time = lambda: _time() + offset()
time.time_ns = lambda: _time_ns() + offset() * 1_000_000_000

from notifier.app import create_app  # noqa: E402
from notifier.broker.publisher import RedisPublisher  # noqa: E402
from notifier.operations import Event  # noqa: E402

_publish = RedisPublisher.publish


def publish_or_die(self: RedisPublisher, events: Sequence[Event]) -> None:
    try:
        (FOLDER / "die").unlink()
    except FileNotFoundError:
        _publish(self, events)
    else:
        os.kill(os.getpid(), signal.SIGKILL)


RedisPublisher.publish = publish_or_die  # type: ignore[method-assign]

app = create_app(instance_path=str(FOLDER / "instance"))
