"""A script that sends to many users through the Python API: how many users, how many calls."""

from __future__ import annotations

import os
import sys
import time

from notifier import Notifier

BODY = "x" * 100


def main() -> None:
    count, calls = int(sys.argv[1]), int(sys.argv[2])
    names = [f"u{number:06}" for number in range(count)]
    notifier = Notifier.from_url(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])

    def send() -> None:
        with notifier.transaction():
            notifier.send(names, BODY, sender=names[0])

    send()
    notifier.publisher.flush(10)
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    for _ in range(calls):
        send()
    print(time.perf_counter() - began, flush=True)
    notifier.publisher.flush(10)
    # Its CPU is read while it waits here.
    sys.stdin.readline()
    notifier.stop()


if __name__ == "__main__":
    main()
