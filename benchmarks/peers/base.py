"""What all peers have in common: processes on a port of their own that speak the same protocol."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from benchmarks.meter import tree
from benchmarks.stack import Stack
from tests.services.process import Process
from tests.services.server import clean_environment
from tests.support import ROOT, answers, free_port

KEY = "a-key-for-benchmarks-only-0123456789abcdef"
START_SECONDS = 60.0


class Peer:
    """A server under test.

    Each worker prints a line with ``ready`` in it when it serves. All of them answer
    ``POST /api/v1/messages``, ``GET /notifications``, Socket.IO, ``GET /healthz`` and
    ``POST /bench/push``, which emits without the database.
    """

    name = ""
    # Whether a new socket is told where its user's head is.
    tells_head = False

    def __init__(self, stack: Stack, database: str, workers: int, ping: float = 25.0) -> None:
        self.port = free_port()
        self.database = database
        self.workers = workers
        self._up = workers
        self._stack = stack
        self._log = stack.folder / f"{self.name}-{self.port}.log"
        self._processes: list[Process] = []
        url = stack.database.database_url(database)
        self._settings = {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WEB_CONCURRENCY": str(workers),
            "DATABASE_URL": url.replace("+psycopg2", ""),
            "REDIS_URL": stack.valkey.url,
            "SECRET_KEY": KEY,
            "PING_INTERVAL": str(ping),
            "PYTHONUNBUFFERED": "1",
        }

    def __enter__(self) -> Peer:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def token(self, user: str) -> str:
        """A user token that this server accepts."""
        raise NotImplementedError

    def start(self) -> None:
        """Start, and return when every worker serves."""
        raise NotImplementedError

    def stop(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.stop()
        self._processes = []

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for this server."""
        return [one for process in self._processes for one in tree(process.pid)]

    def worker_processes(self) -> list[psutil.Process]:
        """Those that hold sockets."""
        return [
            one for process in self._processes for one in psutil.Process(process.pid).children()
        ]

    def lose_worker(self) -> None:
        """Kill a worker, which is started again; ``wait_ready`` waits for that."""
        self._up += 1
        self.worker_processes()[0].kill()

    def wait_ready(self) -> None:
        """Wait until every worker serves. Raises RuntimeError if that takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            if time.monotonic() > deadline or not all(one.running for one in self._processes):
                raise RuntimeError(f"{self.name} did not start:\n{self._log.read_text()[-4000:]}")
            time.sleep(0.05)
        # What workers do first, such as reading their subscriptions, is no part of any figure.
        time.sleep(0.5)

    def _spawn(self, command: Sequence[str], env: Mapping[str, str], cwd: Path = ROOT) -> None:
        settings = clean_environment(**self._settings, **env)
        self._processes.append(
            Process(command, reaper=self._stack.reaper, log=self._log, env=settings, cwd=cwd)
        )

    def _ready(self) -> bool:
        up = self._log.read_text(errors="replace").count("ready")
        return up >= self._up and answers(f"http://127.0.0.1:{self.port}/healthz")
