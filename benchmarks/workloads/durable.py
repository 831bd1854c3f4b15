"""A message is sent over HTTP to users who are online: stored, answered, pushed."""

from __future__ import annotations

import json
import random

from benchmarks.bench import BODY, Bench, Served, users
from benchmarks.database import Arrival
from benchmarks.figures import Result, Row, percentile
from benchmarks.load.driver import Called
from benchmarks.meter import Spent, spent
from benchmarks.peers.base import Peer

Requests = list[tuple[str, str, str, str]]


def run(bench: Bench) -> Result:
    """Closed loops of 32 and 256, then half of what the first of them reached."""
    rows = [row for kind in bench.peers for row in _peer(bench, kind)]
    title = "durable send over HTTP, 2 workers, online users"
    return Result("durable", title, "message", rows)


def _peer(bench: Bench, kind: type[Peer]) -> list[Row]:
    names = users(bench.size(2_000, 200))
    seconds = bench.size(8, 2)
    with bench.served(kind, inboxes=len(names)) as served:
        notes = served.connect(names)
        requests = sends(served, names)
        served.calls(requests, concurrency=32, seconds=1)
        rows = []
        for concurrency in (32, 256):
            row = _measure(served, f"c={concurrency}", requests, names, concurrency, seconds)
            rows.append(row)
        rate = rows[0].figures["rate"] / 2
        row = _measure(served, "half load", requests, names, 256, seconds, rate)
        rows.append(row)
    for row in rows:
        row.notes = [*notes, *row.notes]
    return rows


def sends(served: Served, names: list[str], to: list[str] | None = None) -> Requests:
    """A message from everyone to somebody."""
    chosen = random.Random(1)
    return [
        ("POST", "/api/v1/messages", served.token(name), _body(chosen.choice(to or names)))
        for name in names
    ]


def _body(to: str) -> str:
    return json.dumps({"to": to, "body": BODY})


def _measure(
    served: Served,
    case: str,
    requests: Requests,
    names: list[str],
    concurrency: int,
    seconds: float,
    rate: float = 0.0,
) -> Row:
    served.load.ask("settle", seconds=10)
    served.load.ask("forget")
    database = served.stack.database
    with spent(served.peer.processes) as app, spent(database.processes) as db:
        called = served.calls(requests, concurrency=concurrency, seconds=seconds, rate=rate)
        served.load.ask("settle", seconds=20)
    arrivals = [
        (came, names[number], stamp)
        for came, number, stamp in served.load.ask("arrivals")["arrivals"]
    ]
    row = Row(served.peer.name, case, _figures(called, app, db), called.notes)
    _add_delays(row, served, arrivals, called)
    return row


def _figures(called: Called, app: Spent, db: Spent) -> dict[str, float]:
    return {
        "cpu_us": app.micros_per(called.answered),
        "db_us": db.micros_per(called.answered),
        "rate": called.answered / called.took,
        "load": called.busy * 100,
    }


def _add_delays(row: Row, served: Served, arrivals: list[Arrival], called: Called) -> None:
    delays = served.stack.database.delays(served.peer.database, arrivals)
    row.figures["p50_ms"] = percentile(delays, 0.5)
    row.figures["p99_ms"] = percentile(delays, 0.99)
    row.notes.append(
        f"{len(arrivals)} pushes for {called.answered} messages; "
        f"answers p50 {called.p50_ms:.1f} ms, p99 {called.p99_ms:.1f} ms"
    )
