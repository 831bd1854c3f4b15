"""A hidden page asks for little; seen again, it catches up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.gate import Gate
from tests.browser.site import Person
from tests.browser.window import Window

# Headless Chromium shows every tab, so the page is told otherwise.
HIDE = """hidden => {
    const state = { hidden, visibilityState: hidden ? "hidden" : "visible" };
    for (const [name, value] of Object.entries(state))
        Object.defineProperty(document, name, { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture
def gate(alice: Person) -> Iterator[Gate]:
    gate = Gate(alice.site.server.port)
    yield gate
    gate.close()


@pytest.fixture
def deaf(gate: Gate, alice: Person, bob: Person, open_window: OpenWindow) -> Window:
    """A hidden window of alice, who has one message, that has lost its socket."""
    bob.send(alice, "before")
    window = open_window(alice, url=gate.url).is_live()
    window.tolerate()
    window.page.evaluate(HIDE, True)
    gate.passes_sockets = False
    gate.cut()
    expect(window.status).to_have_text("Polling")
    return window


def test_a_page_that_is_seen_again_catches_up(deaf: Window, alice: Person, bob: Person) -> None:
    bob.send(alice, "hello")
    assert deaf.polls == []
    deaf.shows(1)
    deaf.page.evaluate(HIDE, False)
    deaf.shows(2)
    assert [url.rpartition("?")[2] for url in deaf.polls] == ["since=0"]  # asks for everything


def test_a_hidden_page_reconnects_without_being_seen(
    deaf: Window, gate: Gate, alice: Person, bob: Person
) -> None:
    gate.passes_sockets = True
    deaf.is_live()
    bob.send(alice, "hello")
    deaf.shows(2)
    assert deaf.counts_pushed == [2]
