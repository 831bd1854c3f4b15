"""The server goes away and comes back under an open page."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.site import Person, Site
from tests.conftest import Serve

# Longer than a page that has just been opened waits for its first poll, and for any reconnect.
A_WHILE_MS = 15_000


@pytest.fixture
def site(serve: Serve) -> Site:
    return Site(serve(env={"NOTIFIER_CHANNEL": "outage"}))


def test_a_page_survives_a_restart_and_shows_what_came_meanwhile(
    site: Site, alice: Person, open_window: OpenWindow
) -> None:
    window = open_window(alice, path=None)
    window.tolerate()
    window.page.clock.install()
    window.open().is_live()
    window.page.evaluate("window.isTheSamePage = true")
    site.server.stop()
    window.page.clock.fast_forward(A_WHILE_MS)
    expect(window.status).to_have_text("Offline")
    site.server.flask("notifier", "send", alice.name, "while you were away")
    site.server.start()
    window.page.clock.fast_forward(A_WHILE_MS)
    window.is_live().shows(1)
    expect(window.unread).to_contain_text(["while you were away"])
    assert window.page.evaluate("window.isTheSamePage") is True
