"""What a README says to install is enough, whatever else is on this machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.services.server import SECRET_KEY, clean_environment
from tests.support import ROOT, free_port

EXAMPLES = ROOT / "examples"
# What `make install` puts into the virtualenv.
INSTALLED = "flask-notifier[app]"
HIDE = """\
import json, os, sys

hidden = set(json.loads(os.environ["HIDDEN"]))

class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Nowhere())
sys.path.insert(0, os.getcwd())
"""


def closure(*wanted: str) -> set[str]:
    """The distributions that pip would bring with these, of those that are here."""
    found: set[tuple[str, str]] = set()
    waiting = [(Requirement(one).name, extra) for one in wanted for extra in _extras(one)]
    while waiting:
        name, extra = waiting.pop()
        if (_plain(name), extra) in found:
            continue
        found.add((_plain(name), extra))
        for text in metadata.requires(name) or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(needed.name, one) for one in _extras(text)]
    return {name for name, _ in found}


def _extras(requirement: str) -> set[str]:
    return {"", *Requirement(requirement).extras}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def hidden_modules(*wanted: str) -> list[str]:
    """The modules that only distributions outside of the closure have."""
    there = closure(*wanted)
    places = metadata.packages_distributions().items()
    return [module for module, names in places if not there & {_plain(name) for name in names}]


def said_to_install(readme: Path) -> list[str]:
    found = re.search(r"`\.venv/bin/pip install ([^`]+)`", readme.read_text())
    return [one.strip("'") for one in found[1].split()] if found else []


@pytest.mark.parametrize(
    ("folder", "program"),
    [
        ("celery_progress", "import app, tasks; tasks.celery.connection_for_write().transport"),
        ("blog", "import after"),
        (".", "import tutorial_poller"),
    ],
)
def test_no_more_is_imported_than_the_readme_installs(
    tmp_path: Path, folder: str, program: str
) -> None:
    given = said_to_install(EXAMPLES / folder / "README.md")
    env = clean_environment(
        HIDDEN=json.dumps(hidden_modules(INSTALLED, *given)),
        DATABASE_URL=f"sqlite:///{tmp_path / 'x.db'}",
        REDIS_URL=f"redis://127.0.0.1:{free_port()}",
        SECRET_KEY=SECRET_KEY,
        PYTHONPATH=str(ROOT),
    )
    command = [sys.executable, "-B", "-c", f"{HIDE}\n{program}"]
    done = subprocess.run(
        command, cwd=EXAMPLES / folder, env=env, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_what_no_readme_names_is_hidden() -> None:
    hidden = hidden_modules(INSTALLED)
    assert {"pytest", "celery", "flask_sqlalchemy", "packaging"} <= set(hidden)
    assert not {"flask", "sqlalchemy", "notifier", "click"} & set(hidden)
