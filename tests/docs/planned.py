"""Targets of make that take half an hour: what they would run is looked at, and not run."""

from __future__ import annotations

import importlib.util
import os
import shlex
import subprocess
from pathlib import Path


def plan(line: str, checkout: Path) -> None:
    """Raises for a target that is not there, a program that is not, or options it does not take."""
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=checkout,
        # Below another make it would also say where it is.
        env=os.environ | {"MAKEFLAGS": "n", "MAKELEVEL": "0"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    _python, *words = shlex.split(done.stdout.splitlines()[-1])
    if words[0] != "-m":
        assert (checkout / words[0]).is_file(), done.stdout
        return
    assert importlib.util.find_spec(words[1]), done.stdout
    if words[1] == "benchmarks":
        from benchmarks.__main__ import chosen

        chosen(words[2:])
