"""The app on docs/adoption.md, pasted where the wheel is installed: its badge changes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from tests.packaging.conftest import Environment
from tests.services.process import Process, Reaper
from tests.services.server import clean_environment
from tests.support import ROOT, answers, free_port, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LONGEST = 25


def pasted() -> str:
    """The code of the page, as a reader copies it."""
    [code] = re.findall(
        r'^```python title="shop\.py"\n(.*?)^```$',
        (ROOT / "docs" / "adoption.md").read_text(),
        re.DOTALL | re.MULTILINE,
    )
    return str(code)


def test_the_app_of_the_page_is_short() -> None:
    assert len([line for line in pasted().splitlines() if line]) <= LONGEST


@pytest.fixture
def shop(wheel_environment: Environment, tmp_path: Path, reaper: Reaper) -> Iterator[str]:
    """The address of the running app, in a folder of its own."""
    (tmp_path / "shop.py").write_text(pasted())
    flask = [wheel_environment.python, "-m", "flask", "--app", "shop"]
    env = clean_environment()
    subprocess.run(
        [*flask, "notifier", "init-db"], cwd=tmp_path, env=env, check=True, capture_output=True
    )
    url = f"http://127.0.0.1:{(port := free_port())}"
    process = Process(
        [*flask, "run", "--port", str(port)],
        reaper=reaper,
        log=tmp_path / "shop.log",
        env=env,
        cwd=tmp_path,
    )
    wait_until(lambda: not process.running or answers(f"{url}/healthz"), 30, "the shop answers")
    assert process.running, process.output()
    yield url
    process.kill()


def test_the_badge_of_the_pasted_app_changes_without_a_reload(shop: str, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"{shop}/login/7")
    badge = page.locator("[data-notifier-badge]")
    badge.wait_for(state="hidden")
    for number in ("1", "2"):
        assert requests.post(f"{shop}/orders/7", timeout=10).text == "ordered"
        page.wait_for_function(
            "n => document.querySelector('[data-notifier-badge]').innerText === n", arg=number
        )
    page.close()
