"""Runs the client's own tests: each ``*.test.js`` beside this file, by ``node --test``."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted(path.name for path in HERE.glob("*.test.js"))
TIMEOUT_S = 300


def find_node() -> str | None:
    """The node that the playwright wheel brings, else the one on PATH."""
    try:
        import playwright
    except ImportError:
        return shutil.which("node")
    driver = Path(playwright.__file__).parent / "driver"
    bundled = (path for path in (driver / "node", driver / "node.exe") if path.is_file())
    return next(map(str, bundled), None) or shutil.which("node")


@pytest.fixture(scope="module")
def node() -> str:
    """The path of a node, without which a laptop skips and CI fails."""
    found = find_node()
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("no node: install the test requirements (the playwright wheel brings one)")
    if found is None:
        pytest.skip("no node: install playwright, or a node of your own")
    return found


def test_there_are_javascript_tests_to_run() -> None:
    assert "rule_model.test.js" in FILES


@pytest.mark.parametrize("name", FILES)
def test_the_javascript_tests_pass(node: str, name: str) -> None:
    done = subprocess.run(
        [node, "--test", name], cwd=HERE, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
