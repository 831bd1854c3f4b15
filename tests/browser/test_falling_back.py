"""Without a WebSocket the badge still follows, by polling."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.gate import Gate
from tests.browser.site import Person, Site
from tests.browser.window import Window
from tests.services.process import Reaper
from tests.services.server import ServerProcess
from tests.services.valkey import Valkey

# The first poll does not know the server's pace yet: it comes after 10 to 12 s.
FIRST_POLL_MS = 25_000


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, reaper: Reaper, valkey: Valkey
) -> Iterator[ServerProcess]:
    """A server that asks for a poll every second."""
    folder: Path = tmp_path_factory.mktemp("polling")
    settings = {
        "DATABASE_URL": f"sqlite:///{folder / 'served.db'}",
        "REDIS_URL": valkey.url,
        "NOTIFIER_CHANNEL": f"polling-{folder.name}",
        "NOTIFIER_POLL_INTERVAL": "1",
    }
    server = ServerProcess(folder, reaper, env=settings)
    server.flask("notifier", "init-db")
    server.start()
    yield server
    server.close()


@pytest.fixture
def site(server: ServerProcess) -> Site:
    return Site(server)


@pytest.fixture
def gate(server: ServerProcess) -> Iterator[Gate]:
    """The network between window and server."""
    gate = Gate(server.port)
    yield gate
    gate.close()


@pytest.fixture
def blocked(gate: Gate, alice: Person, open_window: OpenWindow) -> Window:
    """A window of alice, whose network lets no WebSocket through."""
    gate.passes_sockets = False
    window = open_window(alice, url=gate.url)
    window.tolerate()
    expect(window.status).to_have_text("Polling")
    return window


def test_a_blocked_websocket_leaves_polling_which_heals_the_badge(
    blocked: Window, alice: Person, bob: Person
) -> None:
    bob.send(alice, "hello")
    blocked.shows(1, timeout=FIRST_POLL_MS)
    assert blocked.polls
    assert blocked.pushed == []
    expect(blocked.status).to_have_text("Polling")


def test_polls_keep_the_pace_that_the_server_asks_for(
    blocked: Window, alice: Person, bob: Person
) -> None:
    # Back online it polls at once, and learns the pace from the answer.
    blocked.page.evaluate("dispatchEvent(new Event('online'))")
    blocked.waits_for(lambda: len(blocked.polls) >= 3, "three polls", timeout=9)
    bob.send(alice, "hello")
    blocked.shows(1)
    since = [float(url.partition("since=")[2]) for url in blocked.polls]
    assert all(before <= after for before, after in pairwise(since[1:]))


def test_a_socket_let_through_again_takes_over(
    blocked: Window, gate: Gate, alice: Person, bob: Person
) -> None:
    gate.passes_sockets = True
    blocked.is_live()
    bob.send(alice, "hello")
    blocked.shows(1)
    assert blocked.counts_pushed == [1]


def test_a_cut_websocket_comes_back_with_what_was_missed(
    gate: Gate, alice: Person, bob: Person, open_window: OpenWindow
) -> None:
    window = open_window(alice, url=gate.url).is_live()
    window.tolerate()
    gate.passes_sockets = False
    assert gate.cut() == 1
    expect(window.status).to_have_text("Polling")
    bob.send(alice, "missed")
    gate.passes_sockets = True
    window.is_live().shows(1)
    bob.send(alice, "pushed again")
    window.shows(2)
    assert window.counts_pushed[-1] == 2
    assert window.sockets >= 2
