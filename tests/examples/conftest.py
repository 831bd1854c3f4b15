"""Examples as real processes, and windows of a real Chromium on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.window import Window
from tests.examples.example import Example
from tests.services.process import Reaper

MakeExample = Callable[..., Example]
OpenWindow = Callable[..., Window]

# Enough for two busy cores; nothing waits this long when it works.
PATIENCE_MS = 15_000


@pytest.fixture(scope="module")
def make_example(tmp_path_factory: pytest.TempPathFactory, reaper: Reaper) -> Iterator[MakeExample]:
    """A function that prepares an example: `make_example("blog", SETTING="value")`."""
    made: list[Example] = []

    def make(name: str, **env: str) -> Example:
        made.append(Example(name, tmp_path_factory.mktemp(name), reaper, env))
        return made[-1]

    yield make
    for example in made:
        example.close()


@pytest.fixture
def open_window(browser: Browser) -> Iterator[OpenWindow]:
    """A function that opens a window: `open_window(url)` is a browser of its own with these
    `cookies`, unless `beside` another window. A window that complains fails its test.
    """
    windows: list[Window] = []
    contexts: list[BrowserContext] = []
    expect.set_options(timeout=PATIENCE_MS)

    def open_window(url: str, beside: Window | None = None, **cookies: str) -> Window:
        if beside is None:
            contexts.append(browser.new_context())
            contexts[-1].set_default_timeout(PATIENCE_MS)
            for name, value in cookies.items():
                contexts[-1].add_cookies([{"name": name, "value": value, "url": url}])
        context = beside.page.context if beside else contexts[-1]
        windows.append(Window(context, url))
        return windows[-1]

    yield open_window
    complaints = [text for window in windows for text in window.complaints]
    for context in contexts:
        context.close()
    assert complaints == []
