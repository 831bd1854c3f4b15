"""The fallback: polls that find nothing new, and polls that find one notification."""

from __future__ import annotations

from benchmarks.bench import Bench, Served, users
from benchmarks.figures import Result, Row
from benchmarks.meter import spent
from benchmarks.peers.base import Peer

STAMP = 1_700_000_000_000_000


def run(bench: Bench) -> Result:
    """A closed loop of 32 over two workers."""
    rows = [row for kind in bench.peers for row in _peer(bench, kind)]
    return Result("polls", "polls, 2 workers, c=32", "poll", rows)


def _peer(bench: Bench, kind: type[Peer]) -> list[Row]:
    names = users(bench.size(2_000, 200))
    with bench.served(kind, inboxes=len(names)) as served:
        database = served.stack.database
        database.execute(
            f"UPDATE inboxes SET clock = {STAMP}, unread = 1;"
            "INSERT INTO notifications SELECT user_id, 'unread_message_count', '1', clock"
            " FROM inboxes",
            served.peer.database,
        )
        database.execute("VACUUM ANALYZE", served.peer.database)
        cases = (("nothing new", STAMP), ("one new", STAMP - 1))
        return [_measure(served, names, *case, bench.size(6, 2)) for case in cases]


def _measure(served: Served, names: list[str], case: str, since: int, seconds: int) -> Row:
    path = f"/notifications?since={since / 1e6:.6f}"
    requests = [("GET", path, served.token(name), "") for name in names]
    served.calls(requests, concurrency=32, seconds=1)
    with spent(served.peer.processes) as app, spent(served.stack.database.processes) as db:
        called = served.calls(requests, concurrency=32, seconds=seconds)
    figures = {
        "cpu_us": app.micros_per(called.answered),
        "db_us": db.micros_per(called.answered),
        "rate": called.answered / called.took,
        "p50_ms": called.p50_ms,
        "p99_ms": called.p99_ms,
        "load": called.busy * 100,
    }
    return Row(served.peer.name, case, figures, called.notes)
