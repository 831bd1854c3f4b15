"""Scripts that notify: ``python -m tests.extension.scripts WHAT DATABASE_URL REDIS_URL``."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable

from notifier import Notifier, StagingError

SECRET_KEY = "a-key-for-tests-only-0123456789abcdef"


def notify(notifier: Notifier, user: str, name: str) -> None:
    with notifier.transaction():
        notifier.notify(user, name, os.getpid())


def leave_at_once(notifier: Notifier) -> None:
    """What a cron job does."""
    for n in range(50):
        notify(notifier, "alice", f"n{n}")


def fork(notifier: Notifier) -> None:
    """What a prefork worker does: used before, forked four times, used by all at once."""
    notify(notifier, "alice", "parent.before")
    children = []
    for n in range(4):
        pid = os.fork()
        if pid == 0:
            for m in range(10):
                notify(notifier, "alice", f"child.{n}.{m}")
                assert notifier.unread_count("alice") == 0
            notifier.flush(5)
            os._exit(0)
        children.append(pid)
    for m in range(10):
        notify(notifier, "alice", f"parent.{m}")
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0, 0]
    notify(notifier, "alice", "parent.after")


def fork_inside(notifier: Notifier) -> None:
    """A child has no part in the transaction that its parent was in."""
    with notifier.transaction():
        notifier.notify("alice", "parent", 1)
        pid = os.fork()
        if pid == 0:
            try:
                notifier.notify("alice", "child", 1)
            except StagingError:
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def pool(notifier: Notifier) -> None:
    """multiprocessing, by fork, whose children run no exit handlers."""
    notify(notifier, "alice", "parent")
    context = multiprocessing.get_context("fork")
    children = [
        context.Process(target=notify, args=(notifier, "alice", f"child.{n}")) for n in range(3)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0


WHAT: dict[str, Callable[[Notifier], None]] = {
    one.__name__: one for one in (leave_at_once, fork, fork_inside, pool)
}

if __name__ == "__main__":
    what, *urls = sys.argv[1:]
    WHAT[what](Notifier.from_url(*urls, SECRET_KEY=SECRET_KEY))
