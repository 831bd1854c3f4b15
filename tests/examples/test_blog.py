"""A blog with users and sockets of its own gains the badge, and keeps what it had."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests
import socketio
from playwright.sync_api import expect

from tests.browser.window import Window
from tests.examples.adoption import BLOG, WRITTEN, adoption
from tests.examples.blogger import Blogger
from tests.examples.conftest import MakeExample, OpenWindow
from tests.examples.example import ONLY_PUSHES, Example, command_of
from tests.support import ROOT


@pytest.fixture(scope="module")
def old_blog(make_example: MakeExample) -> Example:
    """The blog before, with a comment."""
    example = make_example("blog", **ONLY_PUSHES)
    after = command_of(example.folder / "README.md")
    before = [part.replace("blog/after", "blog/before") for part in after]
    assert before != after
    example.serve(before)
    with closing(sqlite3.connect(example.database)) as database, database:
        database.execute("INSERT INTO comment VALUES (NULL, 1, 2, 'written before')")
    return example


@pytest.fixture(scope="module")
def blog(old_blog: Example) -> Example:
    """The blog after, on the database of the one before."""
    old_blog.running[0].stop()
    old_blog.serve()
    return old_blog


@pytest.fixture(scope="module")
def alice(blog: Example) -> Iterator[Blogger]:
    """Who has written post 1."""
    with closing(Blogger(blog.url, "alice")) as alice:
        yield alice


@pytest.fixture(scope="module")
def bob(blog: Example) -> Iterator[Blogger]:
    with closing(Blogger(blog.url, "bob")) as bob:
        yield bob


@pytest.fixture
def window(alice: Blogger, open_window: OpenWindow) -> Window:
    """A window of alice, who has read everything, on her post, live."""
    alice.read_all()
    return open_window(alice.url, **alice.cookies).open("/1").is_live()


@pytest.fixture
def other(window: Window, open_window: OpenWindow) -> Window:
    """Another window of hers."""
    return open_window(window.url, beside=window).open("/").is_live()


def sees_typing(reader: Window, writer: Window) -> bool:
    """Type a letter, and look whether the reader is told."""
    writer.page.get_by_label("Your comment").press_sequentially("x")
    return reader.page.get_by_text("bob is typing…").is_visible()


def test_before_readers_see_who_is_typing(old_blog: Example, open_window: OpenWindow) -> None:
    with closing(Blogger(old_blog.url, "bob")) as bob:
        writer = open_window(bob.url, **bob.cookies).open("/1")
    reader = open_window(old_blog.url).open("/1")
    writer.waits_for(lambda: sees_typing(reader, writer), "the reader sees that bob is typing")
    assert reader.page.locator("[data-notifier-badge]").count() == 0


def test_after_they_see_it_too_beside_the_badge(
    window: Window, bob: Blogger, open_window: OpenWindow
) -> None:
    writer = open_window(bob.url, **bob.cookies).open("/1")
    writer.waits_for(lambda: sees_typing(window, writer), "alice sees that bob is typing")
    writer.page.get_by_role("button", name="Comment").click()
    window.shows(1)


def test_what_was_written_before_is_there_after(blog: Example) -> None:
    assert "written before" in requests.get(f"{blog.url}/1", timeout=10).text


def test_a_comment_is_pushed_to_every_window_of_the_author_of_the_post(
    window: Window, other: Window, bob: Blogger
) -> None:
    for count in (1, 2):
        bob.comment(f"comment {count}")
        for one in (window, other):
            one.shows(count)
            assert one.counts_pushed[-1] == count
    assert window.polls == other.polls == []


def test_the_inbox_tells_who_commented_on_what_and_clears_the_badge_when_read(
    window: Window, other: Window, bob: Blogger
) -> None:
    bob.comment("to be read")
    inbox = window.open("/inbox").is_live()
    expect(inbox.page.locator("li.unread")).to_have_text("bob commented on “Hello”.")
    inbox.page.get_by_role("button", name="Mark all as read").click()
    for one in (inbox, other):
        one.shows(0)


def test_a_title_of_any_length_can_be_commented_on(blog: Example, bob: Blogger) -> None:
    with closing(sqlite3.connect(blog.database)) as database, database:
        post = "INSERT INTO post SELECT NULL, author_id, ?, text FROM post WHERE id = 1"
        id = database.execute(post, ["x" * 10_000]).lastrowid
    assert id is not None
    assert bob.comment("long", post=id) == 200


@pytest.mark.parametrize("table", ["comment", "messages"])
def test_comment_and_message_are_stored_both_or_neither(
    blog: Example, bob: Blogger, table: str
) -> None:
    with closing(sqlite3.connect(blog.database)) as database:
        count = "SELECT (SELECT count(*) FROM comment), (SELECT count(*) FROM messages)"
        comments, messages = database.execute(count).fetchone()
        database.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        assert bob.comment("refused") == 500
        database.execute("DROP TRIGGER refuse")
        assert database.execute(count).fetchone() == (comments, messages)
        assert bob.comment("taken") == 200
        assert database.execute(count).fetchone() == (comments + 1, messages + 1)


def test_your_own_comment_is_no_news(blog: Example, alice: Blogger) -> None:
    with closing(sqlite3.connect(blog.database)) as database:
        before = database.execute("SELECT count(*) FROM messages").fetchone()
        assert alice.comment("by the author") == 200
        assert database.execute("SELECT count(*) FROM messages").fetchone() == before


def test_the_blogs_forms_still_need_their_csrf_token(blog: Example, bob: Blogger) -> None:
    answer = requests.post(f"{blog.url}/1", {"text": "forged"}, cookies=bob.cookies, timeout=10)
    assert answer.status_code == 400


@pytest.mark.parametrize("up_to", ["never", "nan"])
def test_a_time_that_is_none_is_a_bad_request(bob: Blogger, up_to: str) -> None:
    assert bob.submit("/inbox", up_to=up_to).status_code == 400


@pytest.mark.parametrize("auth", [None, {"post": "none"}, {"post": math.inf}])
def test_a_socket_that_names_no_post_is_refused(blog: Example, auth: dict[str, Any] | None) -> None:
    client = socketio.SimpleClient()
    before = blog.running[-1].output()
    with pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(blog.url, auth=auth)
    assert "Traceback" not in blog.running[-1].output().removeprefix(before)


@pytest.mark.parametrize("sent", [None, "none", {"post": 1}, (), (1, "more")])
def test_typing_that_names_no_post_is_answered_and_nothing_else(bob: Blogger, sent: Any) -> None:
    with socketio.SimpleClient() as client:
        client.connect(bob.url, auth={"post": 1}, headers={"Cookie": bob.cookie})
        client.call("typing", sent, timeout=10)


def test_the_api_of_the_badge_needs_none(blog: Example, bob: Blogger) -> None:
    url = f"{blog.url}/api/v1/messages/read"
    answer = requests.post(url, json={"up_to": 1.0}, cookies=bob.cookies, timeout=10)
    assert answer.json()["unread"] == 0


def test_the_written_difference_is_that_between_the_folders() -> None:
    assert WRITTEN.read_text() == adoption(), "run: python -m tests.examples.adoption"


def test_the_blogs_own_client_is_the_one_of_the_library() -> None:
    name = "static/vendor/socket.io.esm.min.js"
    for folder in ("before", "after"):
        assert (BLOG / folder / name).read_bytes() == (ROOT / name).read_bytes()
