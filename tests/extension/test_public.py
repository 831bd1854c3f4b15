"""The public names: these and no others, all of them typed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import notifier
from notifier import Notifier
from tests.support import ROOT

HOST = Path(__file__).with_name("typed_host.py")


def test_a_host_that_uses_the_whole_public_api_is_typed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", str(HOST)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_that_host_uses_every_public_name() -> None:
    text = HOST.read_text()
    assert [name for name in notifier.__all__ if not re.search(rf"\b{name}\b", text)] == []


def test_that_host_uses_every_public_method() -> None:
    text = HOST.read_text()
    # These are for the edges of the notifier itself.
    inner = {"store", "init_app"}
    public = {name for name in dir(Notifier) if not name.startswith("_")} - inner
    assert {name for name in public if not re.search(rf"\.{name}\b", text)} == set()


def test_the_public_names_are_those_that_can_be_loaded() -> None:
    assert sorted(notifier.__all__) == sorted(notifier._HOMES)
