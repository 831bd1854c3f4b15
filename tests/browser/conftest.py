"""Windows of a real Chromium on the deployed app. A window that complains fails its test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.site import Person, Site
from tests.browser.window import Window
from tests.services.process import Reaper
from tests.services.server import ServerProcess
from tests.services.valkey import Valkey

OpenWindow = Callable[..., Window]

# Enough for two busy cores; nothing waits this long when it works.
PATIENCE_MS = 15_000

# Nothing heals by itself here, so what arrives was pushed.
ONLY_PUSHES = {"NOTIFIER_POLL_INTERVAL": "3600", "NOTIFIER_SWEEP_INTERVAL": "3600"}


@pytest.fixture(scope="session")
def pushing_server(
    tmp_path_factory: pytest.TempPathFactory, reaper: Reaper, valkey: Valkey
) -> Iterator[ServerProcess]:
    """One server for every test that does not hurt it."""
    folder: Path = tmp_path_factory.mktemp("browser")
    settings = {
        "DATABASE_URL": f"sqlite:///{folder / 'served.db'}",
        "REDIS_URL": valkey.url,
        "NOTIFIER_CHANNEL": f"browser-{folder.name}",
    }
    server = ServerProcess(folder, reaper, env=settings | ONLY_PUSHES)
    server.flask("notifier", "init-db")
    server.start()
    yield server
    server.close()


@pytest.fixture
def site(pushing_server: ServerProcess) -> Site:
    return Site(pushing_server)


@pytest.fixture
def alice(site: Site) -> Person:
    return site.person("alice")


@pytest.fixture
def bob(site: Site) -> Person:
    return site.person("bob")


@pytest.fixture
def open_window(browser: Browser) -> Iterator[OpenWindow]:
    """A function that opens a window: `open_window(alice)` is signed in and shows the inbox.

    A person's windows are of one browser profile, unless they differ in `options`, which go to
    the browser context. `url` is the server's unless the way to it is another.
    """
    windows: list[Window] = []
    profiles: dict[str, BrowserContext] = {}
    expect.set_options(timeout=PATIENCE_MS)

    def profile(person: Person | None, options: dict[str, Any]) -> BrowserContext:
        key = f"{person and person.name} {options}"
        if key not in profiles:
            profiles[key] = browser.new_context(**options)
            profiles[key].set_default_timeout(PATIENCE_MS)
            for name, value in person.cookies.items() if person else ():
                profiles[key].add_cookies(
                    [{"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}]
                )
        return profiles[key]

    def open_window(
        person: Person | None = None,
        path: str | None = "/messages",
        url: str | None = None,
        **options: Any,
    ) -> Window:
        address = url or (person and person.site.server.url)
        assert address, "a stranger's window needs a url"
        windows.append(window := Window(profile(person, options), address))
        return window if path is None else window.open(path)

    yield open_window
    complaints = [text for window in windows for text in window.complaints]
    for context in profiles.values():
        context.close()
    assert complaints == []
