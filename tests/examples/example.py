"""An example as its README starts it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.services.process import Process, Reaper
from tests.services.server import SECRET_KEY, clean_environment
from tests.support import ROOT, answers, free_port, wait_until

# Nothing heals by itself within a test, so what arrives was pushed.
ONLY_PUSHES = {"NOTIFIER_POLL_INTERVAL": "3600", "NOTIFIER_SWEEP_INTERVAL": "3600"}


def command_of(readme: Path) -> list[str]:
    """The first command of a README, with this Python in the place of the checkout's."""
    found = re.search(r"^    \.venv/bin/(\w+) (.+)$", readme.read_text(), re.MULTILINE)
    assert found, f"{readme} has no command"
    program, arguments = found.groups()
    module = [] if program == "python" else ["-m", program]
    return [sys.executable, *module, *arguments.split()]


class Example:
    """The programs of one example, with a database of their own."""

    def __init__(self, name: str, folder: Path, reaper: Reaper, env: Mapping[str, str]) -> None:
        self.folder = ROOT / "examples" / name
        self.database = folder / "example.db"
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.env = clean_environment(
            SECRET_KEY=SECRET_KEY,
            DATABASE_URL=f"sqlite:///{self.database}",
            FLASK_RUN_PORT=str(port),
            PYTHONUNBUFFERED="1",
            **env,
        )
        self._logs = folder
        self._reaper = reaper
        self.running: list[Process] = []

    def run(self, command: list[str], cwd: Path = ROOT, **env: str) -> Process:
        """Start a program of the example."""
        log = self._logs / f"{len(self.running)}.log"
        process = Process(command, reaper=self._reaper, log=log, cwd=cwd, env={**self.env, **env})
        self.running.append(process)
        return process

    def serve(self, command: list[str] | None = None, cwd: Path = ROOT) -> Process:
        """Start the command of the README, or another, and wait for its page."""
        process = self.run(command or command_of(self.folder / "README.md"), cwd)
        wait_until(
            lambda: not process.running or answers(self.url),
            timeout=60,
            message=f"{self.url} answers; output in {process.log}",
        )
        assert process.running, process.output()
        return process

    def close(self) -> None:
        for process in self.running:
            if process.running:
                process.kill()
