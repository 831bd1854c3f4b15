"""Runs a script of a page, and all that it starts, for two minutes at most."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

LONGEST_S = 120


def bash(script: str, cwd: Path, environment: dict[str, str]) -> str:
    """What a script prints; the first command that fails ends it."""
    with subprocess.Popen(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        try:
            printed, errors = running.communicate(timeout=LONGEST_S)
        except BaseException:
            os.killpg(running.pid, signal.SIGKILL)
            raise
    assert running.returncode == 0, f"{script}\n{printed}{errors}"
    return printed
