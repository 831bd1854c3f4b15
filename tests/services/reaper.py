"""The program behind `process.Reaper`: lines of +PID and -PID on stdin until it closes."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

GRACE_SECONDS = 3.0


def signal_groups(groups: set[int], number: signal.Signals) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def main() -> None:
    groups: set[int] = set()
    for line in sys.stdin:
        pid = int(line[1:])
        if line.startswith("+"):
            groups.add(pid)
        else:
            groups.discard(pid)
    # SIGQUIT is the quick orderly end of PostgreSQL and gunicorn alike.
    signal_groups(groups, signal.SIGQUIT)
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(alive(group) for group in groups):
        time.sleep(0.05)
    signal_groups(groups, signal.SIGKILL)


if __name__ == "__main__":
    main()
