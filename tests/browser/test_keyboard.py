"""Everything can be done with Tab and Enter, and one sees where one is."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenWindow
from tests.browser.site import PASSWORD, Person, Site

STOPS = 30

# What has the focus: what it is called, and whether it shows that it is focused.
FOCUSED = """() => {
    const element = document.activeElement;
    const label = element.labels?.[0]?.innerText || element.value || element.innerText;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    const shown = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    const { top, bottom } = element.getBoundingClientRect();
    return { label: label.trim(), shown, inView: bottom > 0 && top < innerHeight };
}"""


def tab_to(page: Page, label: str) -> None:
    """Press Tab until what begins with ``label`` has the focus; every stop must show it."""
    page.wait_for_load_state()  # without its style sheet a page has another look of focus
    met: list[str] = []
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        assert focused["shown"], f"no focus to be seen on {focused['label']!r} after {met}"
        assert focused["inView"], f"the focus is out of view on {focused['label']!r}"
        if focused["label"].startswith(label):
            return
        met.append(focused["label"])
    raise AssertionError(f"Tab never came to {label!r}, but to {met}")


def test_signing_in(site: Site, alice: Person, open_window: OpenWindow) -> None:
    page = open_window(url=site.server.url, path="/login").page
    tab_to(page, "User name")
    page.keyboard.type(alice.name)
    tab_to(page, "Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()


def test_writing_a_message(alice: Person, bob: Person, open_window: OpenWindow) -> None:
    page = open_window(alice).page
    tab_to(page, "Write")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New message")).to_be_visible()
    tab_to(page, "To")
    page.keyboard.type(bob.name)
    tab_to(page, "Message")
    page.keyboard.type("hello")
    tab_to(page, "Send")
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"Sent to {bob.name}.")).to_be_visible()


def test_marking_as_read_keeps_ones_place(
    alice: Person, bob: Person, open_window: OpenWindow
) -> None:
    bob.send(alice, "older", "newer")
    window = open_window(alice).is_live()
    tab_to(window.page, "Mark as read")
    window.page.keyboard.press("Enter")
    window.shows(1)
    expect(window.unread).to_contain_text(["older"])
    tab_to(window.page, "Mark as read")
    window.page.keyboard.press("Enter")
    window.shows(0)


def test_the_first_stop_skips_to_the_content(alice: Person, open_window: OpenWindow) -> None:
    page = open_window(alice).page
    tab_to(page, "Skip to the content")
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
