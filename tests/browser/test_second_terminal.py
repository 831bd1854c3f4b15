"""What the README promises: `make run`, a browser, and a shell that knows nothing of either."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import OpenWindow
from tests.browser.window import Window
from tests.packaging.test_make_run import Run, copy_checkout, make_run
from tests.services.process import Reaper
from tests.services.server import clean_environment

__all__ = ["copy_checkout"]


@pytest.fixture
def run(copy_checkout: Callable[[], Path], reaper: Reaper) -> Iterator[Run]:
    """`make run` in a copy of the checkout, without any setting in the environment."""
    run = make_run(copy_checkout(), reaper)
    run.wait()
    yield run
    run.process.stop(timeout=20)


def sign_in(window: Window, password: str) -> None:
    window.open("/login")
    window.page.get_by_label("User name").fill("alice")
    window.page.get_by_label("Password").fill(password)
    window.page.get_by_role("button", name="Sign in").click()
    window.is_live()


def test_the_command_line_reaches_the_page_of_make_run_by_push(
    run: Run, open_window: OpenWindow
) -> None:
    window = open_window(path=None, url=run.url)
    sign_in(window, run.secrets()[1])
    subprocess.run(
        [".venv/bin/flask", "--app", "wsgi", "notifier", "send", "alice", "hi"],
        cwd=run.checkout,
        env=clean_environment(),
        check=True,
    )
    window.shows(1)
    assert window.counts_pushed == [1]
    assert window.polls == []
