"""The Celery example: its page and its workers, what they committed, and what was pushed."""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
from contextlib import closing
from typing import Any

import psutil
import requests
from celery import Celery

from tests.examples.example import Example
from tests.listener import Listener
from tests.services.process import Process
from tests.support import wait_until

FOLLOW = """
CREATE TABLE committed (name TEXT, data TEXT, stamp INTEGER);
CREATE TRIGGER inserted AFTER INSERT ON notifications
    BEGIN INSERT INTO committed VALUES (new.name, new.data, new.stamp); END;
CREATE TRIGGER updated AFTER UPDATE ON notifications
    BEGIN INSERT INTO committed VALUES (new.name, new.data, new.stamp); END;
"""


class Imports:
    """The page and a worker of the example, and a database that keeps what was committed."""

    def __init__(self, example: Example) -> None:
        self.example = example
        self.worker: Process | None = None
        example.serve([sys.executable, "-m", "flask", "--app", "app", "run"], example.folder)
        with closing(self.connect()) as database:
            database.executescript(FOLLOW)

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.example.database, isolation_level=None)

    def rows(self, statement: str, *values: object) -> list[Any]:
        with closing(self.connect()) as database:
            return database.execute(statement, values).fetchall()

    def start_worker(self, **env: str) -> None:
        """Start a worker with a pool of two processes."""
        command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--concurrency", "2"]
        quick = {"LINE_SECONDS": "0.2", "NOTIFIER_BUSY_TIMEOUT": "0.1"}
        self.worker = self.example.run(
            # Alone on its broker, it need not wait for others to say hello.
            [*command, "--loglevel", "INFO", "--without-mingle"],
            self.example.folder,
            **quick | env,
        )

    def kill_worker(self) -> None:
        """End the worker and its pool at once."""
        assert self.worker is not None
        self.worker.kill()

    def kill_pool(self) -> None:
        """End every process of the pool at once; the worker itself lives on."""
        assert self.worker is not None
        for child in psutil.Process(self.worker.pid).children():
            child.send_signal(signal.SIGKILL)

    def worker_says(self, text: str) -> None:
        assert self.worker is not None
        wait_until(lambda: text in self.worker.output(), 30, f"the worker says {text!r}")

    def start(self, *lines: str) -> Import:
        return Import(self, lines)


class Import:
    """One import of a visitor, who listens from before its start."""

    def __init__(self, imports: Imports, lines: tuple[str, ...]) -> None:
        self._imports = imports
        url = imports.example.url
        with requests.Session() as browser:
            browser.get(url, timeout=10)
            cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
            self.listener = Listener(url, None, polls=False, cookie=cookie)
            before = {id for (id,) in imports.rows("SELECT id FROM jobs")}
            browser.post(url, data={"addresses": "\n".join(lines)}, timeout=10)
        after = {id for (id,) in imports.rows("SELECT id FROM jobs")}
        (self.id,) = after - before
        self.name = f"task_progress:{self.id}"

    def deliver_again(self, task_id: str) -> None:
        """Give the task to a worker once more, as a broker may do at any time."""
        with Celery(broker=self._imports.example.env["REDIS_URL"]) as celery:
            celery.send_task("tasks.import_addresses", [self.id], task_id=task_id)

    def committed(self) -> list[tuple[float, dict[str, Any]]]:
        """Every value that was ever committed, with its timestamp, in order."""
        found = self._imports.rows(
            "SELECT stamp, data FROM committed WHERE name = ? ORDER BY stamp", self.name
        )
        return [(stamp / 1e6, json.loads(data)) for stamp, data in found]

    def done(self) -> list[int]:
        """How far the import was at each commit."""
        return [data["done"] for _, data in self.committed()]

    def addresses(self) -> list[str]:
        found = self._imports.rows("SELECT text FROM addresses WHERE job_id = ?", self.id)
        return [text for (text,) in found]

    def pushed(self) -> list[tuple[float, dict[str, Any]]]:
        """Every value that was pushed, with its timestamp, in order of arrival."""
        return [
            (event["timestamp"], event["data"])
            for name, event in self.listener.received
            if name == self.name
        ]

    def reaches(self, done: int) -> None:
        wait_until(lambda: done in self.done(), 60, f"{done} lines are imported")

    def shows(self, **progress: Any) -> None:
        """Wait until the last value is committed and pushed."""

        def is_there() -> bool:
            pushed = self.pushed()
            return bool(pushed) and pushed[-1][1].items() >= progress.items()

        wait_until(is_there, 60, f"{progress} is pushed")
