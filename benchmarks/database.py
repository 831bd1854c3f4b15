"""PostgreSQL as it is run in production: it waits for the disk at every commit."""

from __future__ import annotations

import contextlib
import os
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import psutil
import sqlalchemy

from benchmarks.meter import tree
from notifier.migrations import upgrade
from tests.services.postgres import Postgres
from tests.services.process import Process
from tests.support import wait_until

# The defaults, that is fsync, synchronous_commit and autovacuum on, with buffers for this much.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    "timezone": "UTC",
    # When each row was committed, by the server's own clock: that is where latency begins.
    "track_commit_timestamp": "on",
}

Arrival = tuple[float, str, float]
"""When a push came, for whom, and its timestamp."""


class Database(Postgres):
    """One server; ``fresh`` makes a database with the tables in it."""

    def start(self) -> None:
        """Create the cluster, start the server, and return when it answers."""
        data = self.folder / "data"
        if self._account.user is not None:
            os.chown(self.folder, self._account.user, -1)
        self._initdb(data)
        settings = SETTINGS | {"port": str(self.port)}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        process = Process(
            [str(Path(self._programs) / "postgres"), "-D", str(data), *options],
            reaper=self._reaper,
            log=self.folder.with_suffix(".log"),
            cwd=self.folder,
            user=self._account.user,
            group=self._account.group,
        )
        self._process = process
        wait_until(
            lambda: not process.running or self._answers(data), 30, "PostgreSQL accepts connections"
        )
        if not process.running:
            raise RuntimeError(f"PostgreSQL did not start:\n{process.output()}")

    def fresh(self, users: int) -> str:
        """The name of a new database in which the first ``users`` have an empty inbox."""
        name = self.fresh_database().rpartition("/")[2]
        engine = sqlalchemy.create_engine(self.database_url(name))
        with engine.begin() as connection:
            upgrade(connection)
        engine.dispose()
        self.execute(
            "INSERT INTO inboxes SELECT 'u' || lpad(n::text, 6, '0'), 0, 0"
            f" FROM generate_series(0, {users - 1}) AS n",
            name,
        )
        self.execute("VACUUM ANALYZE", name)
        return name

    def rows(self, statement: str, name: str) -> list[tuple[object, ...]]:
        """The rows of a statement in the database ``name``."""
        with contextlib.closing(self._connect(name)) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def processes(self) -> list[psutil.Process]:
        """The server's processes, one of them for each connection."""
        assert self._process is not None
        return tree(self._process.pid)

    def delays(self, name: str, arrivals: Iterable[Arrival]) -> list[float]:
        """Milliseconds from the commit of the newest message in each push to its arrival."""
        commits: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for user, stamp, committed in self.rows(
            "SELECT recipient_id, stamp, extract(epoch FROM pg_xact_commit_timestamp(xmin))"
            " FROM messages ORDER BY stamp",
            name,
        ):
            commits[str(user)].append((int(str(stamp)), float(str(committed))))
        found = []
        for came, user, timestamp in arrivals:
            at = bisect_right(commits[user], (round(timestamp * 1e6), float("inf")))
            if at:
                found.append((came - commits[user][at - 1][1]) * 1e3)
        return found
