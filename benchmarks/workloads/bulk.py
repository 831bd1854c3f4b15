"""One call to 10,000 users, a fifth of them online: over HTTP, and through the Python API.

Then one to a million, of whom nobody else has an inbox yet.
"""

from __future__ import annotations

import json
import subprocess
import sys

import psutil

from benchmarks.bench import BODY, Bench, Served, users
from benchmarks.figures import Result, Row
from benchmarks.meter import Processes, spent
from benchmarks.peers.base import KEY
from benchmarks.peers.ours.peer import Ours
from tests.services.server import clean_environment
from tests.support import ROOT


def run(bench: Bench) -> Result:
    """A few calls, one after the other; CPU of the app, the caller's included."""
    rows = []
    for kind in bench.peers:
        with bench.served(kind, inboxes=bench.size(10_000, 1_000)) as served:
            rows += _peer(bench, served)
    title = "one call to 10,000 users, 2,000 of them online"
    return Result("bulk", title, "message", rows)


def _peer(bench: Bench, served: Served) -> list[Row]:
    everybody = users(bench.size(10_000, 1_000))
    notes = served.connect(everybody[: len(everybody) // 5])
    # A statement for each row, as the tutorial's service has it, takes a minute for ten calls.
    calls = bench.size(10, 2) if served.peer.name != "flask-socketio" else 1
    rows = [_http(served, everybody, calls)]
    if isinstance(served.peer, Ours):
        million = bench.size(1_000_000, 10_000)
        rows.append(_python(served, "Python API", len(everybody), calls, str(calls)))
        rows.append(_python(served, f"broadcast to {million:,}", million, 1, "broadcast"))
    for row in rows:
        row.notes = [*notes, *row.notes]
    return rows


def _http(served: Served, everybody: list[str], calls: int) -> Row:
    body = json.dumps({"to": everybody, "body": BODY})
    request = ("POST", "/api/v1/messages", served.token(everybody[0]), body)
    how = {"concurrency": 1, "seconds": 120}
    if served.peer.name != "flask-socketio":
        served.calls([request], most=2, **how)
        served.load.ask("settle", seconds=10)
    served.load.ask("forget")
    with spent(served.peer.processes) as app, spent(served.stack.database.processes) as db:
        called = served.calls([request], most=calls, **how)
        pushes = served.load.ask("settle", seconds=30)["pushes"]
    sent = called.answered * len(everybody)
    figures = {
        "cpu_us": app.micros_per(sent),
        "db_us": db.micros_per(sent),
        "per_core": sent / app.cpu,
        "rate": sent / called.took,
        "load": called.busy * 100,
    }
    note = f"{pushes} pushes for {called.answered} calls; answers p50 {called.p50_ms:.0f} ms"
    return Row(served.peer.name, "HTTP", figures, [*called.notes, note])


def _python(served: Served, case: str, count: int, calls: int, how: str) -> Row:
    env = clean_environment(
        DATABASE_URL=served.stack.database.database_url(served.peer.database),
        REDIS_URL=served.stack.valkey.url,
        SECRET_KEY=KEY,
    )
    command = [sys.executable, "-m", "benchmarks.peers.ours.sender", str(count), how]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, cwd=ROOT
    ) as sender:
        assert sender.stdin is not None
        assert sender.stdout is not None
        sender.stdout.readline()
        served.load.ask("settle", seconds=10)
        served.load.ask("forget")
        processes: Processes = lambda: [*served.peer.processes(), psutil.Process(sender.pid)]  # noqa: E731
        with spent(processes) as app, spent(served.stack.database.processes) as db:
            sender.stdin.write("go\n")
            sender.stdin.flush()
            took, grown = map(float, sender.stdout.readline().split())
            pushes = served.load.ask("settle", seconds=30)["pushes"]
        sender.stdin.close()
    sent = calls * count
    figures = {
        "cpu_us": app.micros_per(sent),
        "db_us": db.micros_per(sent),
        "per_core": sent / app.cpu,
        "rate": sent / took,
    }
    notes = [f"{pushes} pushes for {calls} calls", f"grew by {grown / 1024:.0f} MB at its peak"]
    return Row(served.peer.name, case, figures, notes)
