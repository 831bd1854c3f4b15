"""Pages for everybody: named parts, readable colours, small screens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenWindow
from tests.browser.site import Person, Site
from tests.browser.window import Window

READABLE = 4.5  # WCAG 2, level AA, for text of any size
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()

STRANGERS_PATHS = ["/login", "/register"]
PATHS = [*STRANGERS_PATHS, "/messages", "/messages/new", "/no-such-page"]

Tour = Callable[..., Iterator[Window]]


@pytest.fixture
def tour(site: Site, alice: Person, bob: Person, open_window: OpenWindow) -> Tour:
    """A function that goes through all pages as who would see them: a stranger, or alice."""
    bob.send(alice, "read already", "a" * 200)
    alice.read_all()
    bob.send(alice, "unread", "\n".join("many lines" for _ in range(12)))

    def tour(**options: object) -> Iterator[Window]:
        strangers = open_window(path=None, url=site.server.url, **options)
        alices = open_window(alice, path=None, **options)
        alices.tolerate("404")
        for path in PATHS:
            yield (strangers if path in STRANGERS_PATHS else alices).open(path)

    return tour


def test_every_page_is_structured_and_named(tour: Tour) -> None:
    for page in (window.page for window in tour()):
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page.get_by_role("main")).to_have_count(1)
        assert page.get_attribute("html", "lang") == "en"
        assert page.title().removesuffix(" · Notifier")
        assert unnamed(page) == []


def unnamed(page: Page) -> list[str]:
    """Return the controls, links and pictures that have no name."""
    snapshot = page.locator("body").aria_snapshot()
    roles = ("textbox", "button", "link", "img", "navigation")
    lines = [line.strip().removeprefix("- ").rstrip(":") for line in snapshot.splitlines()]
    return [line for line in lines if line in roles]


def test_the_badge_says_what_it_counts(alice: Person, bob: Person, open_window: OpenWindow) -> None:
    bob.send(alice, "one")
    window = open_window(alice).is_live()
    expect(window.badge).to_have_accessible_name("1 unread message")
    bob.send(alice, "two")
    expect(window.badge).to_have_accessible_name("2 unread messages")


def test_no_page_is_wider_than_a_small_phone(tour: Tour) -> None:
    for window in tour(viewport={"width": 360, "height": 740}):
        width = window.page.evaluate("document.documentElement.scrollWidth")
        assert width == 360, window.page.url


def test_every_text_stands_out_from_its_ground_in_light_and_dark(tour: Tour) -> None:
    for window in tour():
        if window.page.url.endswith("/messages"):
            window.is_live().shows(2)
        for scheme in ("light", "dark"):
            window.page.emulate_media(color_scheme=scheme)
            measured = window.page.evaluate(CONTRAST)
            assert len(measured) > 5
            faint = [one for one in measured if one["ratio"] < READABLE]
            assert faint == [], f"{scheme} {window.page.url}"


def test_light_and_dark_differ(site: Site, open_window: OpenWindow) -> None:
    page = open_window(url=site.server.url, path="/login").page
    grounds = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2
