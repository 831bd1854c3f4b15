"""Shell commands of a page: run if they end by themselves here, else held against what there is."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Callable
from pathlib import Path

from tests.support import ROOT

RUN = {"cat", "cd", "cp", "curl", "echo", "export", "flask", "mkdir", "pytest", "test"}

_ASSIGNMENTS = re.compile(r"^([A-Z_]+=(\$\(.*\)|\"[^\"]*\"|\S*)\s*)+")


def runnable(text: str) -> str:
    """The commands to run. Raises AssertionError for one that is neither run nor found right."""
    rest = []
    for line in text.replace(".venv/bin/", "").replace("\\\n", " ").splitlines():
        words = shlex.split(_ASSIGNMENTS.sub("", line), comments=True)
        program = Path(words[0]).name if words else "cd"
        if check := CHECKED.get(program):
            check(words[1:])
            continue
        assert program in RUN, f"{program} is neither run nor checked; see {__file__}"
        rest.append(line)
    return "\n".join(rest)


def in_file(name: str, pattern: str = r"\b{}\b") -> Callable[[list[str]], None]:
    """A check that each word, up to its =, stands in a file of the checkout."""

    def check(words: list[str]) -> None:
        text = (ROOT / name).read_text()
        for word in words:
            found = pattern.format(re.escape(word.lstrip("-").partition("=")[0]))
            assert re.search(found, text, re.MULTILINE), f"no {word} in {name}"

    return check


def pip(words: list[str]) -> None:
    """``pip install flask-notifier[extra]`` and what it depends on."""
    extras = re.findall(r"[\w-]+", " ".join(words[1:]).replace("flask-notifier", ""))
    in_file("setup.cfg", r"^( *){}( =|>|$)")(extras)


def module(words: list[str]) -> None:
    """``python -m MODULE``."""
    assert words[0] == "-m"
    assert importlib.util.find_spec(words[1]), f"no module {words[1]}"


def gunicorn(words: list[str]) -> None:
    """The configuration and the worker class are there."""
    assert all((ROOT / word).is_file() for word in words if word.endswith(".py"))
    for name in (word for word in words if word.startswith("notifier.")):
        package, _, worker = name.rpartition(".")
        assert hasattr(importlib.import_module(package), worker), f"no {name}"


def model(words: list[str]) -> None:
    """The switches of a search are those of the model."""
    in_file("docs/model/protocol.pml")([word[2:] for word in words if word.startswith("-D")])


CHECKED: dict[str, Callable[[list[str]], None]] = {
    "gcc": model,
    "gunicorn": gunicorn,
    "make": in_file("Makefile", r"(^{0}:|\b{0}=|\({0}\))"),
    "pan": model,
    "pip": pip,
    "python": module,
    "spin": model,
}
