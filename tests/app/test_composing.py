"""Writing to somebody: what is sent, and what is said when it cannot be."""

from __future__ import annotations

import pytest
from flask import Flask

from notifier import Notifier
from tests.app.conftest import MakeApp
from tests.app.visitor import PASSWORD, Page, Visitor


def test_a_message_reaches_its_recipient(alice: Visitor, bob: Visitor) -> None:
    response = alice.submit("/messages/new", to="bob", body="Hello Bob")
    assert (response.status_code, response.location) == (302, "/messages")
    assert "Sent to bob." in alice.page("/messages").text
    assert bob.bodies() == ["Hello Bob"]
    assert "Unread, from alice" in bob.page("/messages").text


def test_several_recipients_get_one_each(alice: Visitor, bob: Visitor, notifier: Notifier) -> None:
    alice.submit("/messages/new", to="Bob, alice,, bob ,", body="Hello both")
    assert "Sent to 2 people." in alice.page("/messages").text
    assert [notifier.unread_count(user) for user in ("alice", "bob")] == [1, 1]


def test_lines_arrive_as_they_were_typed(alice: Visitor, notifier: Notifier) -> None:
    alice.submit("/messages/new", to="alice", body="one\r\n\r\ntwo\r\n")
    assert notifier.list_messages("alice")[0].body == "one\n\ntwo"


@pytest.mark.parametrize(
    ("to", "body", "field"),
    [
        ("", "hi", "to"),
        (" , ,", "hi", "to"),
        ("alice", "", "body"),
        ("alice", " \r\n ", "body"),
        ("alice", "x" * 4001, "body"),
        ("alice", "a\x00b", "body"),
        ("alice\x00", "hi", "to"),
    ],
)
def test_what_cannot_be_sent_is_said_at_its_field_and_nothing_is_written(
    alice: Visitor, notifier: Notifier, to: str, body: str, field: str
) -> None:
    response = alice.submit("/messages/new", to=to, body=body)
    assert response.status_code == 422
    page = Page(response.text)
    assert page.all("p", id=f"{field}-error", role="alert")
    (control,) = page.all("input", name="to") if field == "to" else page.all("textarea")
    assert control["aria-invalid"] == "true"
    assert f"{field}-error" in control["aria-describedby"]
    assert notifier.audit() == []
    assert notifier.unread_count("alice") == 0


def test_unknown_recipients_are_named_and_nobody_gets_it(
    alice: Visitor, bob: Visitor, notifier: Notifier
) -> None:
    response = alice.submit("/messages/new", to="bob, zoe, <yan>", body="hi")
    assert response.status_code == 422
    assert "There is no user named zoe, &lt;yan&gt;." in response.text
    assert 'value="bob, zoe, &lt;yan&gt;"' in response.text
    assert notifier.unread_count("bob") == 0


def test_the_longest_message_is_a_setting(make_app: MakeApp) -> None:
    alice = Visitor(make_app(NOTIFIER_MAX_BODY=5))
    alice.submit("/register", username="alice", password=PASSWORD)
    assert alice.submit("/messages/new", to="alice", body="12345").status_code == 302
    assert alice.submit("/messages/new", to="alice", body="123456").status_code == 422


def test_too_many_recipients_are_an_error_of_their_field(make_app: MakeApp) -> None:
    app = make_app(NOTIFIER_MAX_RECIPIENTS=1)
    for name in ("alice", "bob"):
        visitor = Visitor(app)
        visitor.submit("/register", username=name, password=PASSWORD)
    response = visitor.submit("/messages/new", to="alice, bob", body="hi")
    assert Page(response.text).all("p", id="to-error")


def test_a_reply_knows_its_recipient(alice: Visitor, app: Flask) -> None:
    assert alice.page("/messages/new?to=bob").value("to") == "bob"
