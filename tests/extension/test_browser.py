"""A mounted host with integer ids and a Socket.IO of its own, in a browser."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from tests.services.process import Process, Reaper
from tests.services.server import clean_environment
from tests.support import ROOT, answers, free_port, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, WebSocket


@pytest.fixture
def shop(tmp_path: Path, reaper: Reaper) -> Iterator[str]:
    """The address of the running shop."""
    url = f"http://127.0.0.1:{(port := free_port())}/shop"
    process = Process(
        [sys.executable, "-m", "tests.extension.mounted", str(port), f"sqlite:///{tmp_path}/db"],
        reaper=reaper,
        log=tmp_path / "shop.log",
        env=clean_environment(),
        cwd=ROOT,
    )
    wait_until(lambda: not process.running or answers(f"{url}/push/healthz"), 30, "it answers")
    assert process.running, process.output()
    yield url
    process.kill()


def test_the_badge_and_the_hosts_own_events_are_live_side_by_side(
    shop: str, browser: Browser
) -> None:
    page = browser.new_page()
    sockets: list[str] = []
    frames: list[str] = []

    def note(socket: WebSocket) -> None:
        sockets.append(socket.url.partition("?")[0])
        socket.on("framereceived", lambda frame: frames.append(str(frame)))

    page.on("websocket", note)
    page.goto(f"{shop}/login/7")
    page.get_by_text("3 left").wait_for()
    page.wait_for_function("document.querySelector('[data-notifier-badge]').hidden")
    wait_until(lambda: len(sockets) == 2)
    requests.post(f"{shop}/orders/7", timeout=10)
    page.get_by_text("2 left").wait_for()
    page.locator("[data-notifier-badge]:visible").get_by_text("1").wait_for()
    assert [one for one in frames if one.startswith('42/notifier,["unread_message_count"')]
    assert {one.partition("/shop")[2] for one in sockets} == {"/live/"}
    page.close()
