"""Forks on SQLite: what a child commits is there, or it is told why it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.extension.forking import REFUSED
from tests.services.server import clean_environment
from tests.support import ROOT

THREADS = ("idle", "reading", "writing", "unending", "own", "busy", "crowd", "engine")


def ends(folder: Path, *what: str) -> dict[str, list[int]]:
    """What the child of each script ended with, and how many messages there were."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.extension.forking", str(folder), *what],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[int]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def threads(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[int]]:
    return ends(tmp_path_factory.mktemp("forks"), *THREADS)


def test_commits_of_a_child_outlast_the_connections_of_its_parent(
    threads: dict[str, list[int]],
) -> None:
    assert threads["idle"] == [0, 3]


def test_a_fork_waits_for_the_transactions_of_threads(threads: dict[str, list[int]]) -> None:
    assert threads["writing"] == [0, 2]
    assert threads["busy"] == [0, 10]


def test_threads_may_fork_at_the_same_time(threads: dict[str, list[int]]) -> None:
    assert threads["crowd"] == [0, 40]


def test_an_engine_goes_on_in_both_processes(threads: dict[str, list[int]]) -> None:
    assert threads["engine"] == [0, 0]


@pytest.mark.parametrize("what", ["unending", "own", "reading"])
def test_a_child_of_a_fork_that_waited_in_vain_is_refused(
    threads: dict[str, list[int]], what: str
) -> None:
    assert threads[what] == [REFUSED, 0 if what == "reading" else 1]


def test_a_fork_waits_for_the_transactions_of_greenlets(tmp_path: Path) -> None:
    assert ends(tmp_path, "greenlets") == {"greenlets": [0, 2]}
