"""What a page starts and leaves running: a server in the folder of the page, or `make run`."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.packaging.conftest import SOURCES
from tests.services.process import Process, Reaper
from tests.services.server import clean_environment
from tests.support import ROOT, answers, free_port, wait_until

# What a clone has that `make run` reads.
CLONED = (*SOURCES, "Makefile", "gunicorn.conf.py", "scripts", "wsgi.py")
# The control socket's path is the same for every app of a user.
ALONE = "--no-control-socket"
STAMPS = (".created", ".app", ".docs", ".test")


@dataclass
class Servers:
    """The servers of one block."""

    reaper: Reaper
    log: Path
    _running: list[tuple[str, Process, int]] = field(default_factory=list)

    def start(self, line: str, cwd: Path, environment: dict[str, str]) -> None:
        """Run the command as it stands, with a free PORT, and return when it answers."""
        port = free_port()
        process = Process(
            ["bash", "-c", line],
            reaper=self.reaper,
            log=self.log,
            env=environment | here(port),
            cwd=cwd,
        )
        self._running.append((line, process, port))
        url = f"http://127.0.0.1:{port}/healthz"
        wait_until(lambda: not process.running or answers(url), 90, f"{line}: {url} answers")
        assert process.running, f"{line}\n{process.output()}"

    def stop(self) -> None:
        """Interrupt each, the last first; each has to end by itself.

        Ctrl-C reaches the children too, and make counts on it. A worker of gunicorn's that is
        interrupted twice, by the terminal and by its master, may hang, with threads for one.
        """
        while self._running:
            line, process, port = self._running.pop()
            makes = line.startswith("make")
            (process.signal_group if makes else process.send_signal)(signal.SIGINT)
            wait_until(lambda: not process.running, 40, f"{line} ends")  # noqa: B023 -- here
            code = process.kill()
            assert code == 0 or makes, f"{line}: {code}\n{process.output()}"
            assert "SIGKILL" not in process.output(), process.output()
            assert not listening(port), f"{line} left something that listens"

    def kill(self) -> None:
        """End what an error left running."""
        for _, process, _ in self._running:
            process.kill()
        self._running.clear()


def here(port: int) -> dict[str, str]:
    """What has a server listen on a port of this machine alone, without a word on its command line.

    Told a port only, gunicorn listens on all addresses.
    """
    told = dict.fromkeys(("PORT", "FLASK_RUN_PORT"), str(port))
    return told | {"GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port} {ALONE}"}


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def copy_checkout(folder: Path) -> Path:
    """A copy of the checkout, with our virtualenv lent to it: nothing is installed into that."""
    checkout = folder / "checkout"
    if checkout.exists():
        return checkout
    lent = checkout / ".venv"
    lent.mkdir(parents=True)
    for name in CLONED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, checkout / name)
    for path in Path(sys.prefix).iterdir():
        if path.name not in STAMPS:
            (lent / path.name).symlink_to(path)
    for name in STAMPS:
        (lent / name).touch()
    return checkout


def another_terminal() -> dict[str, str]:
    """An environment without any setting."""
    kept = clean_environment()
    del kept["PYTHONPATH"]
    # Ours comes first on the PATH of a page; what the reader has is in .venv/ alone.
    kept["PATH"] = kept["PATH"].partition(os.pathsep)[2]
    return kept
