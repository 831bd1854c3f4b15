"""The open inbox follows what happens elsewhere: the real server, a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.app.visitor import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.conftest import Serve
    from tests.services.server import ServerProcess


@pytest.fixture
def server(serve: Serve) -> ServerProcess:
    server = serve()
    server.flask("notifier", "create-user", "alice", "bob", "--password", PASSWORD)
    return server


@pytest.fixture
def context(browser: Browser, server: ServerProcess) -> Iterator[BrowserContext]:
    """Alice's browser, signed in."""
    context = browser.new_context(base_url=server.url, viewport={"width": 900, "height": 600})
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    # Chromium may never answer a close that meets a navigation on its way.
    page.wait_for_url("**/messages")
    page.close()
    yield context
    context.close()


@pytest.fixture
def inbox(context: BrowserContext) -> Page:
    return open_inbox(context)


def open_inbox(context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto("/messages")
    expect(page.locator("[data-notifier-status]")).to_have_text("Live")
    page.evaluate("window.sameDocument = true")
    return page


def send(server: ServerProcess, body: str, sender: str = "bob") -> None:
    server.flask("notifier", "send", "alice", body, "--from", sender)


def test_a_message_appears_in_the_open_inbox(server: ServerProcess, inbox: Page) -> None:
    expect(inbox.get_by_text("No messages yet")).to_be_visible()
    send(server, "from elsewhere")
    expect(inbox.get_by_text("from elsewhere")).to_be_visible()
    expect(inbox.get_by_text("No messages yet")).to_be_hidden()
    expect(inbox).to_have_title("(1) Inbox · Notifier")
    assert inbox.evaluate("window.sameDocument")


def test_marking_one_read_shows_in_both_windows_without_a_reload(
    server: ServerProcess, context: BrowserContext
) -> None:
    send(server, "one")
    send(server, "two")
    here, there = open_inbox(context), open_inbox(context)
    here.locator("li", has_text="one").get_by_role("button", name="Mark as read").click()
    for page in (here, there):
        expect(page.locator("li.unread")).to_have_count(1)
        expect(page.locator("[data-notifier-badge]")).to_have_text("1")
        expect(page.get_by_text("1 unread", exact=True)).to_be_visible()
        assert page.evaluate("window.sameDocument")


def test_marking_all_read_clears_both_windows(
    server: ServerProcess, context: BrowserContext
) -> None:
    send(server, "one")
    here, there = open_inbox(context), open_inbox(context)
    here.get_by_role("button", name="Mark all as read").click()
    for page in (here, there):
        expect(page.locator("li.unread")).to_have_count(0)
        expect(page.locator("[data-notifier-badge]")).to_be_hidden()
        expect(page.get_by_role("button", name="Mark all as read")).to_have_count(0)
        expect(page).to_have_title("Inbox · Notifier")


def test_a_refresh_leaves_focus_and_selection_where_they_are(
    server: ServerProcess, context: BrowserContext
) -> None:
    send(server, "already here")
    page = open_inbox(context)
    page.locator("li", has_text="already here").get_by_role("link", name="Reply").focus()
    page.evaluate("getSelection().selectAllChildren(document.querySelector('.text'))")
    send(server, "a newer one")
    expect(page.get_by_text("a newer one")).to_be_visible()
    expect(page.locator("li", has_text="already here").get_by_role("link")).to_be_focused()
    assert page.evaluate("getSelection().toString()") == "already here"


def test_a_keyboard_stays_in_the_list_after_its_button_is_gone(
    server: ServerProcess, context: BrowserContext
) -> None:
    send(server, "read me")
    page = open_inbox(context)
    page.get_by_role("button", name="Mark as read", exact=True).press("Enter")
    expect(page.locator("li.unread")).to_have_count(0)
    expect(page.locator("li").get_by_role("link", name="Reply")).to_be_focused()


def test_a_page_whose_session_ended_asks_to_sign_in(server: ServerProcess, inbox: Page) -> None:
    new = ["--password", "another password", "--update"]
    server.flask("notifier", "create-user", "alice", *new)
    send(server, "too late")
    expect(inbox.get_by_role("heading", name="Sign in")).to_be_visible()


def test_no_page_offends_its_own_content_security_policy(
    context: BrowserContext, server: ServerProcess
) -> None:
    send(server, "long " * 200)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for path in ("/messages", "/messages/new"):
        page.goto(path)
        expect(page.locator("[data-notifier-status]")).to_have_text("Live")
    assert complaints == []


def test_without_javascript_everything_works(browser: Browser, server: ServerProcess) -> None:
    send(server, "plain")
    context = browser.new_context(base_url=server.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/messages")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Mark as read", exact=True).click()
    expect(page.locator("li.unread")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    context.close()


def test_a_press_that_does_not_get_through_says_so_and_can_be_repeated(
    context: BrowserContext, server: ServerProcess
) -> None:
    send(server, "read me")
    page = open_inbox(context)
    button = page.get_by_role("button", name="Mark as read", exact=True)
    page.route("**/read", lambda route: route.abort())
    button.click()
    expect(page.get_by_text("That did not reach the server.")).to_be_visible()
    page.unroute("**/read")
    button.click()
    expect(page.locator("li.unread")).to_have_count(0)


def test_a_message_that_comes_during_a_press_does_not_undo_it(
    context: BrowserContext, server: ServerProcess
) -> None:
    send(server, "read me")
    page = open_inbox(context)
    held: list[Route] = []
    page.route("**/read", lambda route: held.append(route))
    page.get_by_role("button", name="Mark as read", exact=True).click()
    send(server, "meanwhile")
    expect(page.locator("[data-notifier-badge]")).to_have_text("2")
    held[0].continue_()
    expect(page.locator("li.unread")).to_have_count(1)
    expect(page.locator("li.unread")).to_contain_text("meanwhile")
