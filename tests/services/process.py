"""Processes that never outlive the test run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO


class Reaper:
    """Ends what a killed test run leaves behind.

    A small process holds the read end of a pipe. When the test run goes, however it goes, the
    pipe closes, and the reaper ends every process group it was told of.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("reaper.py"))],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def watch(self, pid: int) -> None:
        self._tell(f"+{pid}")

    def forget(self, pid: int) -> None:
        self._tell(f"-{pid}")

    def let_go(self) -> None:
        """Close the pipe, as the end of the test run does."""
        self._pipe.close()

    def close(self) -> None:
        self.let_go()
        self._process.wait(10)

    @property
    def _pipe(self) -> IO[str]:
        assert self._process.stdin is not None
        return self._process.stdin

    def _tell(self, line: str) -> None:
        self._pipe.write(line + "\n")
        self._pipe.flush()


class Process:
    """One program in a process group of its own, its output in a file."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        reaper: Reaper,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: int | None = None,
        group: int | None = None,
    ) -> None:
        self.log = log
        self._reaper = reaper
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                cwd=cwd,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
                start_new_session=True,
            )
        reaper.watch(self.pid)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """The exit code (negative: the signal), None while it runs."""
        return self._popen.poll()

    @property
    def running(self) -> bool:
        return self.returncode is None

    def output(self) -> str:
        """Return everything it has printed."""
        return self.log.read_text(errors="replace")

    def send_signal(self, number: signal.Signals) -> None:
        """Signal the process itself, not its children."""
        self._popen.send_signal(number)

    def signal_group(self, number: signal.Signals) -> None:
        """Signal it and its children, as Ctrl-C in a terminal does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout: float = 10.0) -> int:
        """Ask it to end, insist after `timeout` seconds, and return the exit code."""
        if self.running:
            self.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(timeout)
        return self.kill()

    def kill(self) -> int:
        """End it and its children at once, and return the exit code."""
        self.signal_group(signal.SIGKILL)
        code = self._popen.wait(10)
        self._reaper.forget(self.pid)
        return code
