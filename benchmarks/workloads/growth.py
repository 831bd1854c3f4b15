"""Does a send cost more as the tables grow?"""

from __future__ import annotations

import sqlalchemy

from benchmarks.bench import Bench, Served, users
from benchmarks.figures import Result, Row
from benchmarks.meter import spent
from benchmarks.peers.base import Peer
from benchmarks.workloads.durable import Requests, sends
from notifier.models import messages

USERS = 2_000
CONCURRENCY = 32


def run(bench: Bench) -> Result:
    """Sends with so many messages stored, and to an inbox with so many unread."""
    peers = [kind for kind in bench.peers if kind.name != "flask-socketio"]
    rows = []
    for stored in (1_000, 100_000, 10_000_000) if not bench.quick else (1_000, 10_000):
        database = _filled(bench, stored, USERS, read=True)
        for kind in peers:
            rows.append(_sends(bench, kind, database, f"{stored:,} stored", everybody=True))
    for unread in (10, 100_000) if not bench.quick else (10, 1_000):
        database = _filled(bench, unread, 1, read=False)
        for kind in peers:
            rows.append(_sends(bench, kind, database, f"{unread:,} unread", everybody=False))
    return Result("growth", "sends over HTTP as the tables grow, 2 workers", "message", rows)


def _filled(bench: Bench, count: int, owners: int, read: bool) -> str:
    """A database with ``count`` messages that belong to ``owners`` users."""
    server = bench.stack.database
    name = server.fresh(USERS)
    # Indexes are quicker to make than to maintain.
    server.execute("DROP INDEX messages_newest, messages_unread", name)
    server.execute(
        "INSERT INTO messages (recipient_id, sender_id, body, stamp, read_at)"
        f" SELECT 'u' || lpad((n % {owners})::text, 6, '0'), 'u000001', repeat('x', 100), n,"
        f" {'n' if read else 'NULL'} FROM generate_series(1, {count}) AS n",
        name,
    )
    engine = sqlalchemy.create_engine(server.database_url(name))
    for index in messages.indexes:
        index.create(engine)
    engine.dispose()
    if not read:
        server.execute(f"UPDATE inboxes SET unread = {count} WHERE user_id = 'u000000'", name)
    server.execute("VACUUM ANALYZE", name)
    server.execute("CHECKPOINT", name)
    return name


def _sends(bench: Bench, kind: type[Peer], database: str, case: str, everybody: bool) -> Row:
    names = users(USERS)
    with bench.served(kind, inboxes=USERS, database=database) as served:
        requests = sends(served, names, None if everybody else names[:1])
        return _measure(served, case, requests, CONCURRENCY if everybody else 1, bench.size(8, 2))


def _measure(served: Served, case: str, requests: Requests, concurrency: int, seconds: int) -> Row:
    served.calls(requests, concurrency=concurrency, seconds=1)
    with spent(served.peer.processes) as app, spent(served.stack.database.processes) as db:
        called = served.calls(requests, concurrency=concurrency, seconds=seconds)
    figures = {
        "cpu_us": app.micros_per(called.answered),
        "db_us": db.micros_per(called.answered),
        "rate": called.answered / called.took,
        "p50_ms": called.p50_ms,
        "p99_ms": called.p99_ms,
        "load": called.busy * 100,
    }
    return Row(served.peer.name, case, figures, called.notes)
