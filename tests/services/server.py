"""The app as it is deployed: gunicorn with its workers, as real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.services.process import Process, Reaper
from tests.support import ROOT, answers, free_port, wait_until

# What a developer's shell may export and a test must not inherit.
SETTINGS = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "WEB_CONCURRENCY", "PORT", "HOST")
PREFIXES = ("NOTIFIER_", "FLASK_", "GUNICORN_")

SECRET_KEY = "a-key-for-tests-only-0123456789abcdef"


def clean_environment(**settings: str) -> dict[str, str]:
    """Return our environment without app settings, plus the given ones."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if key not in SETTINGS and not key.startswith(PREFIXES)
    }
    return kept | settings


class ServerProcess:
    """`gunicorn -c gunicorn.conf.py wsgi:app` from the checkout, in a process group of its own."""

    def __init__(
        self,
        folder: Path,
        reaper: Reaper,
        *,
        env: Mapping[str, str],
        workers: int = 1,
        port: int | None = None,
    ) -> None:
        self.port = port or free_port()
        self.workers = workers
        self.env = clean_environment(
            **{"SECRET_KEY": SECRET_KEY}
            | {"HOST": "127.0.0.1", "PORT": str(self.port)}
            | {"WEB_CONCURRENCY": str(workers), "PYTHONUNBUFFERED": "1"}
            | dict(env)
        )
        self._folder = folder
        self._reaper = reaper
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id of gunicorn's master."""
        return self._started().pid

    @property
    def returncode(self) -> int | None:
        """The exit code, None while it runs."""
        return self._started().returncode

    def start(self, ready: str | None = "/healthz", timeout: float = 30.0) -> None:
        """Start, and return when all workers run and `ready` answers 200.

        With `ready=None` return at once. Fails with the server's output if it exits.
        """
        process = self.spawn()
        if ready is None:
            return
        wait_until(
            lambda: not process.running or (self._all_up() and self.answers(ready)),
            timeout=timeout,
            message=f"{self.url}{ready} answers 200; output in {process.log}",
            interval=0.05,
        )
        if not process.running:
            raise RuntimeError(f"the server exited with {process.returncode}:\n{process.output()}")

    def spawn(self) -> Process:
        """Start the process without waiting for anything."""
        self._process = Process(
            [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"],
            reaper=self._reaper,
            log=self._folder / f"server-{self.port}.log",
            env=self.env,
            cwd=ROOT,
        )
        return self._process

    def answers(self, path: str) -> bool:
        """Tell whether GET `path` answers 200 within a second."""
        return answers(f"{self.url}{path}")

    def flask(self, *arguments: str) -> str:
        """Run `flask --app wsgi ARGUMENTS` with this server's settings and return its stdout."""
        return run_flask(self.env, *arguments)

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout: float = 15.0) -> int:
        """Ask the master to end, insist after `timeout` seconds, and return its exit code."""
        return self._started().stop(number, timeout)

    def kill(self) -> int:
        """End the master and its workers at once."""
        return self._started().kill()

    def close(self) -> None:
        """End it if it runs."""
        if self._process is not None and self._process.running:
            self.stop()

    def output(self) -> str:
        """Return everything printed so far."""
        return self._started().output()

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the master alone."""
        self._started().send_signal(number)

    def interrupt(self) -> None:
        """Do what Ctrl-C in a terminal does: SIGINT to the whole process group."""
        self._started().signal_group(signal.SIGINT)

    def worker_pids(self) -> list[int]:
        """Return the process ids of the workers, oldest first."""
        try:
            children = psutil.Process(self.pid).children()
            return sorted(child.pid for child in children if is_worker(child))
        except psutil.NoSuchProcess:
            return []

    def kill_worker(self, pid: int | None = None, number: signal.Signals = signal.SIGKILL) -> int:
        """Signal one worker (the oldest unless told), and return its process id."""
        pid = self.worker_pids()[0] if pid is None else pid
        os.kill(pid, number)
        return pid

    def _all_up(self) -> bool:
        return len(self.worker_pids()) >= self.workers

    def _started(self) -> Process:
        if self._process is None:
            raise RuntimeError("this server was never started: call start() first")
        return self._process


def run_flask(env: Mapping[str, str], *arguments: str, timeout: float = 30.0) -> str:
    """Run `flask --app wsgi ARGUMENTS` from the checkout and return its stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        capture_output=True,
        text=True,
        env=dict(env),
        cwd=ROOT,
        timeout=timeout,
    )
    if done.returncode:
        raise RuntimeError(f"flask {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def is_worker(child: psutil.Process) -> bool:
    """Tell a worker from other children of the master, such as an embedded broker."""
    try:
        return child.status() != psutil.STATUS_ZOMBIE and "wsgi:app" in child.cmdline()
    except psutil.NoSuchProcess:
        return False
