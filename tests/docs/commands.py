"""The commands of a page: what ends by itself, what serves until it is stopped, what is long."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

# Run as they stand.
ENDS = {
    *("cat", "cd", "cp", "curl", "cut", "echo", "export", "flask", "gcc", "grep", "mkdir", "pan"),
    *("pip", "pytest", "spin", "test"),
}
# Started, asked until they answer, and stopped where their block ends.
SERVES = {"flask run", "gunicorn", "make run"}
# Half an hour or more. `make` says what it would do, and the options are read; see planned.py.
LONG = {"make bench", "make fuzz", "make prove"}

_ASSIGNMENTS = re.compile(r"^([A-Z_]+=(\$\(.*\)|\"[^\"]*\"|\S*)\s*)+")


def steps(text: str) -> Iterator[tuple[str, str]]:
    """What to do with the lines: ``run``, ``serve`` or ``plan``; those to run stay together.

    Raises AssertionError for a command that is in none of the lists above.
    """
    together: list[str] = []
    for line in text.replace("\\\n", " ").splitlines():
        what = kind(shlex.split(_ASSIGNMENTS.sub("", line), comments=True))
        if what == "run":
            together.append(line)
            continue
        if together:
            yield "run", "\n".join(together)
        together = []
        yield what, line
    if together:
        yield "run", "\n".join(together)


def kind(words: list[str]) -> str:
    """Which list a command is in. An assignment alone, or nothing, is run."""
    program = Path(words[0]).name if words else "cd"
    if program == "make":
        program = " ".join(["make", *words[1:2]])
    elif program == "flask" and words[-1] == "run":
        program = "flask run"
    for what, names in (("run", ENDS), ("serve", SERVES), ("plan", LONG)):
        if program in names:
            return what
    raise AssertionError(f"{program} is no command that a page may use; see {__file__}")
