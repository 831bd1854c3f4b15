"""Plain Flask-SocketIO: a process for each worker, the kernel spreads the connections."""

from __future__ import annotations

import sys

import itsdangerous
import psutil

from benchmarks.peers.base import KEY, Peer


class Stock(Peer):
    """Flask-SocketIO with its own Redis manager, on eventlet."""

    name = "flask-socketio"

    def token(self, user: str) -> str:
        return str(itsdangerous.URLSafeTimedSerializer(KEY).dumps(user))

    def start(self) -> None:
        for _ in range(self.workers):
            self._start_one()
        self.wait_ready()

    def lose_worker(self) -> None:
        self._up += 1
        self._processes.pop(0).kill()
        self._start_one()

    def worker_processes(self) -> list[psutil.Process]:
        return [psutil.Process(process.pid) for process in self._processes]

    def _start_one(self) -> None:
        self._spawn([sys.executable, "-m", "benchmarks.peers.stock.app"], {})
