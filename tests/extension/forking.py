"""Processes that fork on SQLite: ``python -m tests.extension.forking FOLDER WHAT …``.

They print, as JSON, how many messages there are at the end of each, and with what the child ended.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

if sys.argv[2:] == ["greenlets"]:
    import eventlet

    eventlet.monkey_patch()

from notifier import ConfigurationError, Notifier, create_engine, forks

REFUSED = 7


def send(notifier: Notifier) -> None:
    with notifier.transaction():
        notifier.send("alice", "hi")


def forked(work: Callable[[], object], meanwhile: Callable[[], object] = lambda: None) -> int:
    """What a child ends with that does ``work`` after ``meanwhile`` is done here."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(told, 1)
        try:
            work()
        except ConfigurationError as error:
            os._exit(REFUSED if "forked in the middle of a transaction" in str(error) else 1)
        os._exit(0)
    meanwhile()
    os.write(tell, b".")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Writer(threading.Thread):
    """A thread in the middle of a transaction, until it may go on."""

    def __init__(self, notifier: Notifier) -> None:
        super().__init__()
        self.notifier = notifier
        self.began = threading.Event()
        self.go = threading.Event()
        self.start()
        self.began.wait(30)

    def run(self) -> None:
        with self.notifier.transaction() as session:
            session.connection()
            self.notifier.send("alice", "hi")
            self.began.set()
            self.go.wait(30)


def idle(notifier: Notifier) -> int:
    """All of the parent's connections are closed before the child writes, with SQLite's log."""
    send(notifier)
    written, write = os.pipe()
    closed, close = os.pipe()

    def work() -> None:
        send(notifier)
        os.write(write, b".")
        os.read(closed, 1)
        send(notifier)

    def dispose() -> None:
        os.read(written, 1)
        notifier.engine.dispose()
        os.write(close, b".")

    return forked(work, threading.Thread(target=dispose).start)


def reading(notifier: Notifier) -> int:
    """The fork comes while a thread reads, for longer than a fork waits."""
    forks._PATIENCE_SECONDS = 0.01
    with notifier.engine.connect():
        thread = threading.Thread(target=lambda: ends.append(forked(lambda: send(notifier))))
        ends: list[int] = []
        thread.start()
        thread.join()
    return ends[0]


def writing(notifier: Notifier) -> int:
    """A thread ends its transaction once the fork has begun to wait for that."""
    writer, pause = Writer(notifier), forks.Turns.pause

    def paused(turns: forks.Turns, timeout: float) -> bool:
        writer.go.set()
        return pause(turns, timeout)

    forks._PATIENCE_SECONDS = 30
    forks.Turns.pause = paused  # type: ignore[method-assign]
    try:
        return forked(lambda: send(notifier), writer.join)
    finally:
        forks.Turns.pause = pause  # type: ignore[method-assign]


greenlets = writing


def unending(notifier: Notifier) -> int:
    """A thread ends its transaction after the fork has waited for that in vain."""
    forks._PATIENCE_SECONDS = 0.01
    writer = Writer(notifier)

    def meanwhile() -> None:
        writer.go.set()
        writer.join()

    return forked(lambda: send(notifier), meanwhile)


def own(notifier: Notifier) -> int:
    """The caller forks in the middle of a transaction, for whose end it cannot wait."""
    forks._PATIENCE_SECONDS = 3600
    with notifier.transaction() as session:
        session.connection()
        notifier.send("alice", "hi")
        return forked(lambda: send(notifier))


def busy(notifier: Notifier) -> int:
    """Threads write and read all the time."""
    return beside_traffic(notifier, forkers=1, forks_each=10)


def crowd(notifier: Notifier) -> int:
    """And others fork at the same time."""
    return beside_traffic(notifier, forkers=2, forks_each=20)


def beside_traffic(notifier: Notifier, forkers: int, forks_each: int) -> int:
    forks._PATIENCE_SECONDS = 30
    over = threading.Event()
    ends: list[int] = []

    def work() -> None:
        while not over.is_set():
            notifier.unread_count("alice")
            with notifier.transaction():
                notifier.notify("alice", "time", os.getpid())

    def fork() -> None:
        ends.extend(forked(lambda: send(notifier)) for _ in range(forks_each))

    working = [threading.Thread(target=work) for _ in range(4)]
    forking = [threading.Thread(target=fork) for _ in range(forkers)]
    for thread in [*working, *forking]:
        thread.start()
    for thread in forking:
        thread.join()
    over.set()
    for thread in working:
        thread.join()
    return max(ends)


def engine(notifier: Notifier) -> int:
    """An engine of ours that the host has made, for a session of its own."""
    own = create_engine(notifier.engine.url)

    def use() -> None:
        own.connect().close()

    use()
    return forked(use, use)


def run(what: str, folder: Path) -> tuple[int, int]:
    notifier = Notifier.from_url(f"sqlite:///{folder}/{what}.db")
    notifier.create_tables()
    ended: int = globals()[what](notifier)
    return ended, notifier.unread_count("alice")


if __name__ == "__main__":
    sys.stdout.write(json.dumps({what: run(what, Path(sys.argv[1])) for what in sys.argv[2:]}))
