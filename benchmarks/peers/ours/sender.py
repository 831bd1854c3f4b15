"""A script that sends to many users through the Python API.

How many users; then how many calls of ``send``, or ``broadcast``. Prints ``ready``, and after a
line on standard input the seconds that it took and the KB by which its memory has grown at most.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from notifier import Notifier

BODY = "x" * 100


def main() -> None:
    count, how = int(sys.argv[1]), sys.argv[2]
    notifier = Notifier.from_url(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
    work = _broadcast if how == "broadcast" else _sends(int(how))
    notifier.broadcast(_names(1_000), BODY)
    print("ready", flush=True)
    sys.stdin.readline()
    before, began = _peak(), time.perf_counter()
    work(notifier, count)
    print(time.perf_counter() - began, _peak() - before, flush=True)
    notifier.publisher.flush(10)
    # Its CPU is read while it waits here.
    sys.stdin.readline()
    notifier.stop()


def _names(count: int) -> Iterator[str]:
    return (f"u{number:06}" for number in range(count))


def _broadcast(notifier: Notifier, count: int) -> None:
    notifier.broadcast(_names(count), BODY)


def _sends(calls: int) -> Callable[[Notifier, int], None]:
    def work(notifier: Notifier, count: int) -> None:
        names = list(_names(count))
        for _ in range(calls):
            with notifier.transaction():
                notifier.send(names, BODY, sender=names[0])

    return work


def _peak() -> int:
    # What getrusage tells begins with the memory of whoever started this process.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    main()
