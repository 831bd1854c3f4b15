"""One publication to a room of 2,000 sockets on two workers."""

from __future__ import annotations

from benchmarks.bench import Bench
from benchmarks.figures import Result
from benchmarks.workloads.push import pushed

PER_SECOND = 8


def run(bench: Bench) -> Result:
    """The room is one user with 2,000 sockets; every peer has it as a room of its own."""
    rows = []
    sockets = bench.size(2_000, 200)
    for kind in bench.peers:
        with bench.served(kind, inboxes=1) as served:
            notes = served.connect(["u000000"] * sockets)
            row = pushed(served, f"{sockets} sockets", 1, PER_SECOND, bench.size(10, 2))
            row.notes = [*notes, *row.notes]
            rows.append(row)
    return Result("room", f"a room of {sockets}, {PER_SECOND} a second", "delivery", rows)
