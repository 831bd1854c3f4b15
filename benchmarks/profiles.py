"""Where the CPU of a worker goes, by py-spy: a table of shares, and every stack beside it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import table

RATE = 250  # samples a second: each stops the worker for a moment
ENDING = 30.0
LONGEST = 600

# A sample belongs to the group of the innermost frame whose file matches one of these.
GROUPS = (
    ("HTTP server", r"eventlet/wsgi|http/server|http/client|email/|engine/(server|requests)\.py"),
    ("Flask and Werkzeug", r"flask/|werkzeug/|jinja|blinker|engine/middleware|engineio/middleware"),
    (
        "database",
        r"sqlalchemy/|psycopg2|notifier/(rows|inbox|store|sending|batches|postgres|watch|fairpool)",
    ),
    ("Redis: publishing", r"broker/(publisher|stream|backlog)"),
    ("Redis: receiving", r"broker/subscription|broker/probe"),
    ("sockets", r"socketio/|engineio/|notifier/engine/|web/(delivery|presence|serving|sockets)"),
    # What both directions share belongs to the one that called it.
    ("views and checks", r"notifier/(?!broker/(wire|connection))"),
)
_GROUPS = [(name, re.compile(pattern)) for name, pattern in GROUPS]
REST = "green threads and the rest"


@contextmanager
def profiled(pid: int, path: Path) -> Iterator[None]:
    """Sample a process while a block runs; its stacks are written to ``path``, one a line."""
    spy = str(Path(sys.executable).with_name("py-spy"))
    command = [spy, "record", "--format", "raw", "--rate", str(RATE), "--nonblocking"]
    command += ["--duration", str(LONGEST), "--output", str(path), "--pid", str(pid)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
        try:
            yield
        finally:
            # So asked it writes what it has.
            running.send_signal(signal.SIGINT)
            try:
                _, errors = running.communicate(timeout=ENDING)
            except subprocess.TimeoutExpired:
                running.kill()
                raise
        if not path.exists():
            raise RuntimeError(f"py-spy wrote nothing: {errors.decode()}")


def shares(path: Path) -> list[tuple[str, float]]:
    """Each group's share of the samples in ``path``, in percent, the largest first."""
    found: Counter[str] = Counter()
    for line in path.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        found[_group(stack.split(";"))] += int(count)
    total = found.total() or 1
    return [(name, count / total * 100) for name, count in found.most_common()]


def shares_table(title: str, path: Path) -> str:
    """The shares, for people."""
    lines = [(name, f"{share:.0f} %") for name, share in shares(path)]
    return f"### {title}\n\n" + table(("py-spy", "samples"), lines) + "\n"


def _group(frames: list[str]) -> str:
    for frame in reversed(frames):
        for name, pattern in _GROUPS:
            if pattern.search(frame):
                return name
    return REST
