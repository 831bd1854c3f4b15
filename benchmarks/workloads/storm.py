"""A worker dies, and half of all clients come back at once."""

from __future__ import annotations

import time

from benchmarks.bench import Bench, Served, busy_note, users
from benchmarks.figures import Result, Row
from benchmarks.meter import spent
from benchmarks.peers.base import Peer

RECOVERY_SECONDS = 60.0


def run(bench: Bench) -> Result:
    """4,000 sockets on two workers, of which one is killed; its clients missed something.

    The news is committed just before, and nobody pushes it, as if the worker had died between.
    What it takes to start a worker again is measured before, and left out.
    """
    rows = [_peer(bench, kind) for kind in bench.peers]
    return Result("storm", "2,000 clients reconnect after a worker's death", "client", rows)


def _peer(bench: Bench, kind: type[Peer]) -> Row:
    names = users(bench.size(4_000, 400))
    with bench.served(kind, inboxes=len(names)) as served:
        boot = _boot(served)
        notes = served.connect(names)
        served.load.ask("arm", polls_after_head=served.peer.tells_head)
        with spent(served.peer.processes) as app:
            _commit_news(served)
            served.peer.lose_worker()
            found = served.load.ask("recover", seconds=RECOVERY_SECONDS)
            served.peer.wait_ready()
    clients = found["clients"]
    figures = {
        "cpu_us": (app.cpu - boot) / max(clients, 1) * 1e6,
        "seconds": found["last"],
        "p50_ms": found["median"] * 1e3,
        "load": found["busy"] * 100,
    }
    notes += busy_note(found["busy"])
    notes.append(
        f"{clients} clients right again, {found['missing']} not; {found['polls']} polls, "
        f"{found['failed']} failed; {found['tries']} connections lost or refused; "
        f"a new worker takes {boot:.2f} s of CPU"
    )
    return Row(served.peer.name, "worker killed", figures, notes)


def _boot(served: Served) -> float:
    """Seconds of CPU until a killed worker is replaced."""
    with spent(served.peer.processes) as booted:
        served.peer.lose_worker()
        served.peer.wait_ready()
    return booted.cpu


def _commit_news(served: Served) -> None:
    stamp = time.time_ns() // 1000
    served.stack.database.execute(
        f"UPDATE inboxes SET clock = {stamp}, unread = 1;"
        "INSERT INTO notifications SELECT user_id, 'unread_message_count', '1', clock FROM inboxes",
        served.peer.database,
    )
