"""What a sweep costs: the heads of all local users, on both databases, in an eventlet worker.

Run it with ``python -m benchmarks.sweep``. A sweep in which nothing was missed is the usual one:
statements, comparison and nothing to emit. ``--users`` sets how many users have a socket here,
``--inboxes`` how many inboxes the database holds.
"""

from __future__ import annotations

import eventlet

eventlet.monkey_patch()

import argparse  # noqa: E402
import contextlib  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402
import shutil  # noqa: E402
import statistics  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator, Sequence  # noqa: E402
from dataclasses import dataclass, fields  # noqa: E402
from pathlib import Path  # noqa: E402

import psutil  # noqa: E402
import sqlalchemy  # noqa: E402

from notifier.database import create_engine  # noqa: E402
from notifier.models import inboxes  # noqa: E402
from notifier.publisher import MemoryPublisher  # noqa: E402
from notifier.store import Store  # noqa: E402
from notifier.web.delivery import Delivery, Sweep  # noqa: E402
from notifier.web.presence import Presence  # noqa: E402
from tests.services.postgres import Postgres  # noqa: E402
from tests.services.process import Reaper  # noqa: E402

INTERVALS = (1.0, 2.0, 3.0, 4.0)  # seconds


@dataclass(frozen=True)
class Cost:
    """One sweep, in milliseconds; ``stall`` is the longest time other greenlets had to wait."""

    statements: int
    rows: int
    statement: float
    total: float
    worker: float
    server: float
    stall: float


class Heads:
    """Reads heads, and notes how long each statement took and how many rows it brought."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.seconds: list[float] = []
        self.rows = 0

    def __call__(self, users: Sequence[str]) -> dict[str, int]:
        began = time.perf_counter()
        heads = self._store.heads(users)
        self.seconds.append(time.perf_counter() - began)
        self.rows += len(heads)
        return heads


class Silent(Delivery):
    """Emits to nobody: sockets are no subject here."""

    def __init__(self, presence: Presence) -> None:
        super().__init__(None, "/", presence)  # type: ignore[arg-type]

    def _emit(self, name: str, data: object, to: str) -> None:
        """Nobody listens."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--users", type=int, default=10_000)
    options.add_argument("--inboxes", type=int, default=200_000)
    options.add_argument("--rounds", type=int, default=15)
    chosen = options.parse_args()
    print(f"{chosen.users:,} local users of {chosen.inboxes:,}; medians of {chosen.rounds} sweeps")
    columns = (
        *("database", "statements", "rows", "ms a statement", "ms a sweep"),
        *("worker CPU ms", "server CPU ms", "longest stall ms"),
        *(f"% of a core every {interval:g} s" for interval in INTERVALS),
    )
    print("| " + " | ".join(columns) + " |")
    print("| " + " | ".join("---" for _ in columns) + " |")
    for name, opened in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
        with opened() as (url, server):
            print(row(name, measured(url, server, chosen)))


def measured(url: str, server: psutil.Process | None, chosen: argparse.Namespace) -> Cost:
    store = Store(create_engine(url), MemoryPublisher())
    store.create_tables()
    users = [f"user{n:07}" for n in range(chosen.inboxes)]
    fill(store.engine, users)
    local = random.Random(1).sample(users, chosen.users)
    sweep_of(Heads(store), local).once()
    costs = [cost(Heads(store), local, server) for _ in range(chosen.rounds)]
    store.engine.dispose()
    middle = {
        field.name: statistics.median(getattr(one, field.name) for one in costs)
        for field in fields(Cost)
    }
    return Cost(**middle)


def fill(engine: sqlalchemy.Engine, users: Sequence[str]) -> None:
    rows = [{"user_id": user, "clock": n + 1, "unread": 0} for n, user in enumerate(users)]
    for start in range(0, len(rows), 5_000):
        with engine.begin() as connection:
            connection.execute(inboxes.insert(), rows[start : start + 5_000])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def sweep_of(heads: Heads, local: Sequence[str]) -> Sweep:
    presence = Presence()
    for number, user in enumerate(local):
        presence.join(f"socket {number}", user, 1)
        presence.tell(user, sys.maxsize)
    return Sweep(presence, Silent(presence), heads, interval=60)


def cost(heads: Heads, local: Sequence[str], server: psutil.Process | None) -> Cost:
    sweep = sweep_of(heads, local)
    with longest_stall() as stall:
        used, served = time.process_time(), cpu_of(server)
        began = time.perf_counter()
        sweep.once()
        total = time.perf_counter() - began
        worker = time.process_time() - used
        server_cpu = cpu_of(server) - served
    seconds = (statistics.median(heads.seconds), total, worker, server_cpu, stall[0])
    return Cost(len(heads.seconds), heads.rows, *(one * 1e3 for one in seconds))


@contextlib.contextmanager
def longest_stall() -> Iterator[list[float]]:
    """How long a greenlet that asks for a turn all the time was left without one, at most."""
    longest, running = [0.0], [True]

    def watch() -> None:
        last = time.perf_counter()
        while running[0]:
            time.sleep(0.001)
            now = time.perf_counter()
            longest[0] = max(longest[0], now - last)
            last = now

    watcher = eventlet.spawn(watch)
    time.sleep(0.005)
    longest[0] = 0.0
    yield longest
    time.sleep(0.005)
    running[0] = False
    watcher.wait()


def cpu_of(server: psutil.Process | None) -> float:
    """Seconds of CPU that the server and its processes have used."""
    if server is None:
        return 0.0
    times = [one.cpu_times() for one in (server, *server.children())]
    return sum(one.user + one.system for one in times)


@contextlib.contextmanager
def sqlite() -> Iterator[tuple[str, None]]:
    with tempfile.TemporaryDirectory(prefix="notifier-bench-") as folder:
        yield f"sqlite:///{Path(folder) / 'sweep.db'}", None


@contextlib.contextmanager
def postgresql() -> Iterator[tuple[str, psutil.Process]]:
    folder = Path(tempfile.mkdtemp(prefix="notifier-bench-"))
    folder.chmod(0o755)
    (folder / "postgres").mkdir()
    reaper = Reaper()
    server = Postgres(folder / "postgres", reaper)
    try:
        server.start()
        yield server.fresh_database(), psutil.Process(server._process.pid)
    finally:
        server.stop()
        reaper.close()
        shutil.rmtree(folder, ignore_errors=True)


def row(name: str, cost: Cost) -> str:
    times = (cost.statement, cost.total, cost.worker, cost.server, cost.stall)
    shares = ((cost.worker + cost.server) / interval / 10 for interval in INTERVALS)
    figures = [*(f"{one:.1f}" for one in times), *(f"{share:.1f}" for share in shares)]
    return " | ".join([f"| {name}", f"{cost.statements:g}", f"{cost.rows:,.0f}", *figures]) + " |"


if __name__ == "__main__":
    os.nice(5)
    main()
