"""Publish to one user at a time through Redis, without the database, with more and more workers."""

from __future__ import annotations

import json

from benchmarks.bench import Bench, Served, busy_note, users
from benchmarks.figures import Result, Row, percentile
from benchmarks.meter import spent
from benchmarks.peers.base import Peer
from benchmarks.peers.stock.peer import Stock

WORKERS = (1, 2, 4, 8)
STEADY = 1_000
# So few that every event wakes its worker by itself: what a delivery costs where nothing is shared.
FEW = 125
# Where every wake-up of a process finds several events to carry.
BUSY = 4_000


def run(bench: Bench) -> Result:
    """A steady thousand a second, published by all workers together; with two also more."""
    rows = []
    for workers in WORKERS[: bench.size(4, 2)]:
        for kind in bench.peers:
            rows += _peer(bench, kind, workers)
    title = f"push to one user at a time, {STEADY:,} a second if not said otherwise"
    return Result("push", title, "delivery", rows)


def _peer(bench: Bench, kind: type[Peer], workers: int) -> list[Row]:
    names = users(bench.size(2_000, 200))
    seconds = bench.size(8, 2)
    with bench.served(kind, workers=workers, inboxes=len(names)) as served:
        notes = served.connect(names)
        rows = [pushed(served, f"{workers} workers", len(names), STEADY, seconds)]
        # With eight workers that is the same rate.
        if workers * FEW < STEADY:
            case = f"{workers} workers, {FEW}/s each"
            rows.append(pushed(served, case, len(names), workers * FEW, seconds))
        # Plain Flask-SocketIO cannot keep up with that.
        if workers == 2 and kind is not Stock:
            rows.append(pushed(served, f"2 workers, {BUSY:,}/s", len(names), BUSY, seconds))
    for row in rows:
        row.notes = [*notes, *row.notes]
    return rows


def pushed(served: Served, case: str, count: int, rate: float, seconds: int) -> Row:
    """Push at ``rate`` to ``count`` users, and measure what that costs for each delivery."""
    publishers = served.peer.workers if count > 1 else 1
    for warm_up in (True, False):
        served.load.ask("settle", seconds=10)
        served.load.ask("forget")
        each = int(rate / publishers * (0.5 if warm_up else seconds))
        requests = [
            _request(served, {"users": count, "rate": rate / publishers, "count": each, "first": n})
            for n in range(0, publishers * 100, 100)
        ]
        with spent(served.peer.processes) as app:
            called = served.calls(
                requests, concurrency=publishers, most=publishers, seconds=seconds * 4
            )
            settled = served.load.ask("settle", seconds=20)
    delays = served.load.ask("delays")["delays"]
    figures = {
        "cpu_us": app.micros_per(settled["pushes"]),
        "rate": settled["pushes"] / called.took,
        "p50_ms": percentile(delays, 0.5),
        "p99_ms": percentile(delays, 0.99),
        "load": called.busy * 100,
    }
    note = f"{settled['pushes']} deliveries of {each * publishers} publications"
    return Row(served.peer.name, case, figures, [*busy_note(called.busy), note])


def _request(served: Served, wanted: dict[str, float]) -> tuple[str, str, str, str]:
    return "POST", "/bench/push", served.token("u000000"), json.dumps(wanted)
