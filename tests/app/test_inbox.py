"""Reading: what is shown, in which order, and what marking it read does."""

from __future__ import annotations

from collections.abc import Callable

from notifier import Notifier
from tests.app.visitor import Visitor

Send = Callable[..., None]


def test_the_newest_message_comes_first(alice: Visitor, send: Send) -> None:
    for body in ("first", "second", "third"):
        send("alice", body)
    assert alice.bodies() == ["third", "second", "first"]


def test_an_unread_message_is_told_apart_in_words_too(alice: Visitor, send: Send) -> None:
    send("alice", "hi", "bob")
    page = alice.page("/messages")
    assert "Unread, from bob" in page.text
    assert page.all("li", **{"class": "message unread"})
    alice.press("mark-all")
    assert "Unread, from bob" not in alice.page("/messages").text


def test_the_count_is_in_the_badge_and_in_the_title(alice: Visitor, send: Send) -> None:
    send("alice", "one")
    send("alice", "two")
    response = alice.get("/messages")
    assert "<title>(2) Inbox · Notifier</title>" in response.text
    assert "2 unread" in response.text


def test_the_cursor_of_the_page_is_the_head_of_its_count(
    alice: Visitor, notifier: Notifier, send: Send
) -> None:
    send("alice", "hi")
    (badge,) = alice.page("/messages").all("span", **{"data-notifier-badge": ""})
    assert float(badge["data-since"]) == notifier.head("alice")


def test_the_badge_is_on_every_page_and_hidden_at_zero(alice: Visitor) -> None:
    for path in ("/messages", "/messages/new"):
        (badge,) = alice.page(path).all("span", **{"data-notifier-badge": ""})
        assert "hidden" in badge


def test_a_message_that_comes_while_the_page_is_made_is_never_missing_unannounced(
    alice: Visitor, notifier: Notifier, send: Send
) -> None:
    badge_of = notifier.store.badge

    def and_then_one_comes(user: str) -> object:
        badge = badge_of(user)
        send("alice", "just now")
        return badge

    notifier.store.badge = and_then_one_comes  # type: ignore[method-assign, assignment]
    page = alice.get("/messages").text
    assert "just now" in page
    assert 'data-since="0.0"' in page


def test_paging_shows_every_message_once(alice: Visitor, send: Send) -> None:
    for number in range(45):
        send("alice", f"message {number}")
    seen: list[list[str]] = []
    path: str | None = "/messages"
    while path:
        seen.append(alice.bodies(path))
        path = alice.page(path).link("before=")
    assert [len(page) for page in seen] == [20, 20, 5]
    shown = [body for page in seen for body in page]
    assert shown == [f"message {number}" for number in reversed(range(45))]


def test_a_message_that_comes_between_two_pages_moves_none(alice: Visitor, send: Send) -> None:
    for number in range(25):
        send("alice", f"message {number}")
    older = alice.page("/messages").link("before=")
    send("alice", "newer")
    assert alice.bodies(older or "") == [f"message {number}" for number in reversed(range(5))]


def test_one_message_is_marked_read(alice: Visitor, notifier: Notifier, send: Send) -> None:
    send("alice", "one")
    send("alice", "two")
    older = notifier.list_messages("alice")[1]
    response = alice.press(f"read-{older.id}")
    assert (response.status_code, response.location) == (303, f"/messages#message-{older.id}")
    assert [message.read for message in notifier.list_messages("alice")] == [False, True]


def test_marking_all_leaves_what_came_after_the_page(
    alice: Visitor, notifier: Notifier, send: Send
) -> None:
    send("alice", "seen")
    page = alice.page("/messages")
    send("alice", "not seen")
    alice.post("/messages/read", csrf_token=page.value("csrf_token"), up_to=page.value("up_to"))
    assert [message.read for message in notifier.list_messages("alice")] == [False, True]


def test_on_an_older_page_marking_one_stays_there(alice: Visitor, send: Send) -> None:
    for number in range(21):
        send("alice", f"message {number}")
    older = alice.page("/messages").link("before=") or ""
    assert alice.press("read-1", at=older).location == f"{older}#message-1"


def test_nobody_reads_or_marks_the_messages_of_another(
    alice: Visitor, bob: Visitor, notifier: Notifier, send: Send
) -> None:
    send("alice", "for alice alone")
    (message,) = notifier.list_messages("alice")
    assert "for alice alone" not in bob.get("/messages").text
    bob.submit(f"/messages/{message.id}/read", at="/messages/new")
    bob.submit("/messages/read", at="/messages/new", up_to=message.timestamp)
    assert notifier.unread_count("alice") == 1


def test_a_message_id_beyond_the_database_is_a_bad_request(alice: Visitor) -> None:
    assert alice.submit(f"/messages/{2**70}/read", at="/messages/new").status_code == 400


def test_only_who_can_answer_is_offered_a_reply(alice: Visitor, bob: Visitor, send: Send) -> None:
    send("alice", "hi", "bob")
    send("alice", "your order left", "shop")
    replies = [a["href"] for a in alice.page("/messages").all("a") if "to=" in a["href"]]
    assert replies == ["/messages/new?to=bob"]
