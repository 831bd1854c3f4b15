"""A message becomes a badge in every open window, by push alone."""

from __future__ import annotations

import statistics

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenWindow
from tests.browser.site import Person, Site
from tests.browser.window import Window


@pytest.fixture
def windows(alice: Person, open_window: OpenWindow) -> list[Window]:
    """Two windows of alice, live."""
    opened = [open_window(alice), open_window(alice)]
    return [window.is_live() for window in opened]


def test_a_message_written_in_a_third_window_is_pushed_to_both(
    windows: list[Window], alice: Person, bob: Person, open_window: OpenWindow
) -> None:
    open_window(bob, path=None).compose(alice.name, "hello")
    for window in windows:
        window.shows(1)
        expect(window.unread).to_contain_text(["hello"])
        assert window.counts_pushed == [1]
        assert window.polls == []


def test_messages_of_the_api_are_pushed_within_a_second_of_being_stored(
    windows: list[Window], alice: Person, bob: Person
) -> None:
    for window in windows:
        window.watch_delays()
    for n, body in enumerate(("one", "two", "three"), start=1):
        bob.send(alice, body)
        # One at a time: of several that wait for Redis only the newest would be pushed.
        delays = [delay for window in windows for delay in window.delays(n)]
    # The median, since any one of them may meet a machine that is busy with something else.
    assert statistics.median(delays) < 1
    assert [window.polls for window in windows] == [[], []]


def test_the_badges_of_pages_without_messages_follow_too(
    alice: Person, bob: Person, open_window: OpenWindow
) -> None:
    window = open_window(alice, "/messages/new").is_live()
    bob.send(alice, "hello")
    window.shows(1)
    assert "(1)" in window.page.title()
    assert window.polls == []


def test_a_message_of_the_command_line_is_pushed(
    windows: list[Window], alice: Person, site: Site
) -> None:
    site.server.flask("notifier", "send", alice.name, "hi")
    for window in windows:
        window.shows(1)
        assert window.counts_pushed == [1]
        assert window.polls == []


def test_marking_all_as_read_clears_the_badge_of_the_other_window(
    alice: Person, bob: Person, open_window: OpenWindow
) -> None:
    bob.send(alice, "one", "two")
    here, there = (open_window(alice).is_live() for _ in range(2))
    here.page.get_by_role("button", name="Mark all as read").click()
    for window in (here, there):
        window.shows(0)
        assert window.counts_pushed == [0]
        assert window.polls == []


def test_marking_one_message_lowers_every_badge_by_one(
    alice: Person, bob: Person, open_window: OpenWindow
) -> None:
    bob.send(alice, "one", "two")
    here, there = (open_window(alice).is_live() for _ in range(2))
    here.page.get_by_role("button", name="Mark as read", exact=True).first.click()
    for window in (here, there):
        window.shows(1)
        assert window.counts_pushed == [1]
        assert window.polls == []


def test_a_message_to_somebody_else_changes_nothing(
    alice: Person, bob: Person, open_window: OpenWindow
) -> None:
    window = open_window(alice).is_live()
    alice.send(bob, "not for alice")
    bob.send(alice, "for alice")
    window.shows(1)
    assert window.counts_pushed == [1]


def test_a_stranger_opens_no_socket_and_polls_nothing(site: Site, open_window: OpenWindow) -> None:
    window = open_window(url=site.server.url, path="/login")
    window.page.wait_for_load_state("networkidle")
    assert window.sockets == 0
    assert window.polls == []
