"""A page that knows name, data, timestamp and since, and nothing else."""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.window import Window
from tests.examples.conftest import MakeExample, OpenWindow
from tests.examples.example import Example
from tests.support import ROOT

JQUERY = "fc9a93dd241f6b045cbff0481cf4e1901becd0e12fb45166a8f17f95823f0b1a"
PERIOD = 5_000  # ms, as the page has it


@pytest.fixture(scope="module")
def poller(make_example: MakeExample) -> Example:
    example = make_example("tutorial_poller")
    example.serve()
    return example


def sign_in(window: Window, name: str) -> Window:
    """Sign in, with the clock of the page in our hands, and wait for the page's first poll."""
    window.page.clock.install()
    window.open("/")
    window.page.get_by_label("Name").fill(name)
    with window.page.expect_response("**/notifications**"):
        window.page.get_by_role("button", name="Sign in").click()
    return window


def write(poller: Example, to: str, body: str) -> requests.Response:
    """Send a message as somebody else, in the forms of the page."""
    with requests.Session() as bob:
        bob.post(f"{poller.url}/sign-in", {"name": "bob"}, timeout=10)
        return bob.post(f"{poller.url}/messages", {"to": to, "body": body}, timeout=10)


def poll(window: Window) -> None:
    with window.page.expect_response("**/notifications**"):
        window.page.clock.run_for(PERIOD)


def test_the_badge_follows_by_polls_alone(poller: Example, open_window: OpenWindow) -> None:
    alice = sign_in(open_window(poller.url), "alice")
    badge = alice.page.locator("#unread")
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
    expect(carol.page.locator("#unread")).to_have_text("1")
    last = answered.value.json()[-1]["timestamp"]
    poll(carol)
    assert [urlsplit(url).query for url in carol.polls] == ["since=0", "since=0", f"since={last!r}"]


def test_messages_read_in_one_window_leave_the_badge_of_another(
    poller: Example, open_window: OpenWindow
) -> None:
    erin = sign_in(open_window(poller.url), "erin")
    write(poller, "erin", "hello")
    poll(erin)
    expect(erin.page.locator("#unread")).to_have_text("1")
    other = open_window(poller.url, beside=erin).open("/messages")
    expect(other.page.get_by_text("bob: hello")).to_be_visible()
    poll(erin)
    expect(erin.page.locator("#unread")).to_be_hidden()


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
    answer = requests.post(f"{poller.url}/sign-in", {"name": name}, timeout=10)
    assert answer.status_code == 400
    assert not answer.cookies


def test_jquery_is_the_published_file_with_its_licence_beside_it() -> None:
    vendor = ROOT / "examples" / "tutorial_poller" / "static" / "vendor"
    assert hashlib.sha256((vendor / "jquery.min.js").read_bytes()).hexdigest() == JQUERY
    assert "Copyright OpenJS Foundation" in (vendor / "jquery.LICENSE").read_text()
