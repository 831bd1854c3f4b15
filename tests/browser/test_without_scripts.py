"""Without JavaScript every page works; it only has to be loaded again."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.site import PASSWORD, Person, Site
from tests.browser.window import Window


def sign_in(window: Window, person: Person) -> None:
    window.page.get_by_label("User name").fill(person.name)
    window.page.get_by_label("Password").fill(PASSWORD)
    window.page.get_by_role("button", name="Sign in").click()
    expect(window.page.get_by_role("heading", name="Inbox")).to_be_visible()


def test_signing_in_shows_the_badge(
    site: Site, alice: Person, bob: Person, open_window: OpenWindow
) -> None:
    bob.send(alice, "one", "two")
    window = open_window(url=site.server.url, java_script_enabled=False)
    sign_in(window, alice)
    window.shows(2)
    expect(window.status).to_be_hidden()


def test_a_message_can_be_written(alice: Person, bob: Person, open_window: OpenWindow) -> None:
    open_window(alice, path=None, java_script_enabled=False).compose(bob.name, "hello")
    theirs = open_window(bob, java_script_enabled=False)
    theirs.shows(1)
    expect(theirs.unread).to_contain_text(["hello"])


def test_messages_can_be_marked_as_read_one_by_one_and_all(
    alice: Person, bob: Person, open_window: OpenWindow
) -> None:
    bob.send(alice, "one", "two", "three")
    window = open_window(alice, java_script_enabled=False)
    window.page.get_by_role("button", name="Mark as read", exact=True).first.click()
    window.shows(2)
    expect(window.unread).to_contain_text(["two", "one"])
    window.page.get_by_role("button", name="Mark all as read").click()
    window.shows(0)
    expect(window.unread).to_have_count(0)
