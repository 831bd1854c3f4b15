"""Sockets that do nothing: their memory, and the CPU of their heartbeats."""

from __future__ import annotations

import time

from benchmarks.bench import Bench, Served, busy_note, users
from benchmarks.figures import Result, Row
from benchmarks.meter import memory_of, spent
from benchmarks.peers.base import Peer

# Five times as often as by default, so that a few seconds show something.
PING_SECONDS = 5.0
DEFAULT_PING_SECONDS = 25.0
WARM_UP = 100


def run(bench: Bench) -> Result:
    """One worker with 1,000, 5,000 and 10,000 sockets of as many users."""
    rows = []
    for sockets in (1_000, 5_000, 10_000) if not bench.quick else (500,):
        for kind in bench.peers:
            rows.append(_peer(bench, kind, sockets))
    return Result("idle", "idle sockets on one worker", "heartbeat", rows)


def _peer(bench: Bench, kind: type[Peer], sockets: int) -> Row:
    names = users(sockets)
    with bench.served(kind, workers=1, inboxes=sockets, ping=PING_SECONDS) as served:
        _warm_up(served, names[:WARM_UP])
        before = memory_of(served.peer.worker_processes())
        with spent(served.peer.processes) as connecting:
            notes = served.connect(names)
        served.load.ask("rest", seconds=PING_SECONDS)
        kilobytes = (memory_of(served.peer.worker_processes()) - before) / sockets / 1024
        served.load.ask("forget")
        with spent(served.peer.processes) as app:
            rested = served.load.ask("rest", seconds=bench.size(15, 5))
    beats = rested["heartbeats"]
    figures = {
        "cpu_us": app.micros_per(beats),
        "kb": kilobytes,
        "cpu_percent": app.cpu / max(beats, 1) * sockets / DEFAULT_PING_SECONDS * 100,
        "load": rested["busy"] * 100,
    }
    notes += busy_note(rested["busy"])
    notes.append(f"to connect took {connecting.micros_per(sockets):.0f} µs of CPU each")
    if rested["live"] < sockets:
        notes.append(f"only {rested['live']} sockets were left")
    return Row(served.peer.name, f"{sockets:,} sockets", figures, notes)


def _warm_up(served: Served, names: list[str]) -> None:
    """What the first sockets load stays, and is not theirs."""
    served.connect(names)
    served.load.ask("hang_up")
    time.sleep(1)
