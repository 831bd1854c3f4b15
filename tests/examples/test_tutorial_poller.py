"""The tutorial's page, which knows name, data, timestamp and since, and nothing else."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.window import Window
from tests.examples.conftest import MakeExample, OpenWindow
from tests.examples.example import Example
from tests.support import ROOT

# app/templates/base.html and LICENSE of github.com/miguelgrinberg/microblog at v0.21.
ORIGINAL = {
    "base.html": "46e946e767b6d13bfaed8dee85b68773ede0b38ad6cbd0457614c5826a361d66",
    "LICENSE": "a8729e0ebca3234d8c3914fd24ffa274f6cceeba6f4113974f195efe4c4e9aff",
}
PERIOD = 10_000  # ms, as the page has it


@pytest.fixture(scope="module")
def poller(make_example: MakeExample) -> Example:
    example = make_example("tutorial_poller")
    example.serve()
    return example


def plain(window: Window) -> Window:
    """The window, without what the page takes from the Internet: its looks, and an icon."""
    window.tolerate()
    window.page.route(re.compile(r"^https:"), lambda route: route.abort())
    window.page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    return window


def sign_in(window: Window, name: str) -> Window:
    """Sign in, with the clock of the page in our hands, and wait for the page's first poll."""
    plain(window).page.clock.install()
    window.open("/")
    window.page.get_by_label("Name").fill(name)
    window.page.get_by_role("button", name="Sign in").click()
    expect(window.page.get_by_role("heading", name="Write to somebody")).to_be_visible()
    return window


def write(poller: Example, to: str, body: str) -> requests.Response:
    """Send a message as somebody else, in the forms of the page."""
    with requests.Session() as bob:
        bob.post(f"{poller.url}/login", {"name": "bob"}, timeout=10)
        return bob.post(f"{poller.url}/messages", {"to": to, "body": body}, timeout=10)


def poll(window: Window) -> None:
    with window.page.expect_response("**/notifications**"):
        window.page.clock.run_for(PERIOD)


def test_the_badge_follows_by_polls_alone(poller: Example, open_window: OpenWindow) -> None:
    alice = sign_in(open_window(poller.url), "alice")
    badge = alice.page.locator("#message_count")
    expect(badge).to_be_hidden()
    for count in (1, 2):
        write(poller, "alice", f"message {count}")
        poll(alice)
        expect(badge).to_have_text(str(count))
    assert alice.sockets == 0


def test_a_poll_asks_for_what_came_after_the_last(poller: Example, open_window: OpenWindow) -> None:
    carol = sign_in(open_window(poller.url), "carol")
    write(poller, "carol", "hello")
    with carol.page.expect_response("**/notifications**") as answered:
        carol.page.clock.run_for(PERIOD)
    expect(carol.page.locator("#message_count")).to_have_text("1")
    last = answered.value.json()[-1]["timestamp"]
    poll(carol)
    assert [urlsplit(url).query for url in carol.polls] == ["since=0", f"since={last!r}"]


def test_messages_read_in_one_window_leave_the_badge_of_another(
    poller: Example, open_window: OpenWindow
) -> None:
    erin = sign_in(open_window(poller.url), "erin")
    write(poller, "erin", "hello")
    poll(erin)
    expect(erin.page.locator("#message_count")).to_have_text("1")
    other = plain(open_window(poller.url, beside=erin)).open("/messages")
    expect(other.page.get_by_text("bob: hello")).to_be_visible()
    poll(erin)
    expect(erin.page.locator("#message_count")).to_be_hidden()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_whoever_is_not_signed_in_is_asked_who_they_are(poller: Example, method: str) -> None:
    form = {"to": "alice", "body": "hello"}
    answer = requests.request(method, f"{poller.url}/messages", data=form, timeout=10)
    assert "Who are you?" in answer.text


@pytest.mark.parametrize(
    ("to", "body", "problem"),
    [
        ("", "hello", "to: a user id has 1 to 64 characters"),
        ("x" * 65, "hello", "to: a user id has 1 to 64 characters"),
        ("alice", " ", "body: is empty"),
        ("alice", "a\0b", "body: holds a NUL"),
    ],
)
def test_a_message_that_cannot_be_sent_comes_back_with_what_to_change(
    poller: Example, to: str, body: str, problem: str
) -> None:
    answer = write(poller, to, body)
    assert (answer.status_code, answer.headers["Content-Type"][:10]) == (400, "text/plain")
    assert answer.text.startswith(problem)
    assert answer.text.endswith(". Go back and change it.")


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_name_that_cannot_be_a_user_signs_nobody_in(poller: Example, name: str) -> None:
    answer = requests.post(f"{poller.url}/login", {"name": name}, timeout=10)
    assert answer.status_code == 400
    assert not answer.cookies


def test_the_page_is_the_tutorials_to_the_byte_with_its_licence_beside_it() -> None:
    folder = ROOT / "examples" / "tutorial_poller" / "templates" / "microblog"
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert found == ORIGINAL
    assert "Copyright (c) 2017 Miguel Grinberg" in (folder / "LICENSE").read_text()


def test_each_window_extends_the_page(poller: Example, open_window: OpenWindow) -> None:
    dave = sign_in(open_window(poller.url), "dave")
    for path in ("/", "/explore", "/messages", "/user/bob"):
        dave.open(path)
        assert "initialize_notifications" in dave.page.content()
