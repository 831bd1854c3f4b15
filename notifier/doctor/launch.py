"""How a server would start the app: its workers, and what is patched before what is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

__all__ = ["LAUNCH_SECONDS", "Launch", "launch_of"]

LAUNCH_SECONDS = 20.0
"""For an import of the app in a new process. It takes a second or two."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What became of sockets and locks, and what gunicorn's configuration says.

    ``patched_by`` is a library or None, ``late`` what was loaded before it, ``problem`` why
    nothing is known.
    """

    patched_by: str | None = None
    late: tuple[str, ...] = ()
    workers: int | None = None
    worker_class: str = ""
    problem: str = ""

    @property
    def said_by(self) -> str:
        """Where the number of workers comes from."""
        return "gunicorn.conf.py"


def launch_of(module: str | None) -> Launch:
    """Rehearse the start of ``module`` in a process of its own."""
    if module is None:
        return Launch(problem="the app's module is not known; name it: flask --app MODULE")
    command = [sys.executable, "-m", "notifier.engine.rehearsal", module]
    # Flask has added the folder of the app, if it was named by its file.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    try:
        done = subprocess.run(  # noqa: S603 -- our own module, and the one Flask has imported
            command,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LAUNCH_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Launch(problem=f"importing {module} took more than {LAUNCH_SECONDS:g} s")
    return _read(done.stdout, module)


def _read(printed: str, module: str) -> Launch:
    try:
        story = json.loads(printed)
    except ValueError:
        return Launch(problem=f"importing {module} ended the process")
    if "error" in story:
        return Launch(problem=f"importing {module} failed: {story['error']}")
    return Launch(story["by"], tuple(story["late"]), story["workers"], story["worker_class"])
