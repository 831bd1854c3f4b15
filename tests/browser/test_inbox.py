"""The open inbox shows what the database holds, without a reload."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.site import Person

PAGE_SIZE = 20


def test_a_full_page_moves_its_oldest_message_to_the_next(
    alice: Person, bob: Person, open_window: OpenWindow
) -> None:
    bob.send(alice, *(f"number {number}" for number in range(PAGE_SIZE)))
    window = open_window(alice).is_live()
    expect(window.page.get_by_role("link", name="Older")).to_have_count(0)
    bob.send(alice, "one too many")
    expect(window.messages.first).to_contain_text("one too many")
    expect(window.messages).to_have_count(PAGE_SIZE)
    window.page.get_by_role("link", name="Older").click()
    expect(window.messages).to_contain_text(["number 0"])
    window.shows(PAGE_SIZE + 1)


def test_what_is_read_elsewhere_loses_its_mark_here(
    alice: Person, bob: Person, open_window: OpenWindow
) -> None:
    bob.send(alice, "older", "newer")
    window = open_window(alice).is_live()
    expect(window.unread).to_have_count(2)
    alice.read_all()
    expect(window.unread).to_have_count(0)
    expect(window.messages).to_have_count(2)
    expect(window.page.get_by_role("button", name="read")).to_have_count(0)


def test_a_body_is_text_whatever_it_holds(
    alice: Person, bob: Person, open_window: OpenWindow
) -> None:
    window = open_window(alice).is_live()
    body = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    bob.send(alice, body)
    expect(window.messages).to_contain_text([body])
    expect(window.messages.locator("img, script")).to_have_count(0)


def test_going_back_shows_what_came_since(
    alice: Person, bob: Person, open_window: OpenWindow
) -> None:
    bob.send(alice, "hello")
    window = open_window(alice).is_live()
    window.shows(1)
    window.open("/messages/new")
    bob.send(alice, "and again")
    window.shows(2)
    window.page.go_back()
    window.shows(2)
    expect(window.unread).to_contain_text(["and again", "hello"])
