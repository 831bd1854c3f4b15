"""The audit finds what was changed behind our back, and repairs it through the primitive."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, func, insert, select, update

from notifier.models import inboxes, messages, notifications
from notifier.operations import Event, MarkRead, NewMessage
from notifier.store import Store


@pytest.fixture
def busy(store: Store) -> Store:
    store.commit([NewMessage("alice", "one"), NewMessage("alice", "two"), NewMessage("bob", "x")])
    return store


DAMAGE = {
    "unread counter": update(inboxes).where(inboxes.c.user_id == "alice").values(unread=7),
    "unread notification": update(notifications)
    .where(notifications.c.user_id == "alice")
    .values(data=9),
    "clock": update(inboxes).where(inboxes.c.user_id == "alice").values(clock=3),
}

ALICES = messages.c.recipient_id == "alice"
FIRST = select(func.min(messages.c.id)).where(ALICES).scalar_subquery()

# What a hand in the database can do: (statement, what is found, alice's count afterwards).
TAMPERING = {
    "a message was marked read": (
        update(messages).where(messages.c.id == FIRST).values(read_at=1),
        ["unread counter", "unread notification"],
        1,
    ),
    "a message was deleted": (
        delete(messages).where(messages.c.id == FIRST),
        ["unread counter", "unread notification"],
        1,
    ),
    "a message was inserted": (
        insert(messages).values(recipient_id="alice", body="from behind", stamp=1),
        ["unread counter", "unread notification"],
        3,
    ),
    "the badge was deleted": (
        delete(notifications).where(notifications.c.user_id == "alice"),
        ["unread notification", "clock"],
        2,
    ),
    "the badge is no number": (
        update(notifications).where(notifications.c.user_id == "alice").values(data="2"),
        ["unread notification"],
        2,
    ),
    "the inbox was deleted": (
        delete(inboxes).where(inboxes.c.user_id == "alice"),
        ["unread counter", "clock"],
        2,
    ),
    "a message is newer than the clock": (
        update(messages).where(ALICES).values(stamp=messages.c.stamp + 10**9),
        ["clock"],
        2,
    ),
}


def test_a_healthy_database_has_no_findings(busy: Store) -> None:
    assert busy.audit() == []


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found(busy: Store, what: str) -> None:
    with busy.engine.begin() as connection:
        connection.execute(DAMAGE[what])
    assert [(finding.user, finding.what) for finding in busy.audit()] == [("alice", what)]


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_repaired_and_announced(busy: Store, published: list[Event], what: str) -> None:
    with busy.engine.begin() as connection:
        connection.execute(DAMAGE[what])
    published.clear()
    busy.audit(repair=True)
    assert busy.audit() == []
    assert [(event.user, event.data) for event in published] == [("alice", 2)]


@pytest.mark.parametrize("deed", TAMPERING)
def test_what_was_done_by_hand_is_found_and_repaired(busy: Store, deed: str) -> None:
    statement, findings, count = TAMPERING[deed]
    with busy.engine.begin() as connection:
        connection.execute(statement)
    assert [(one.user, one.what) for one in busy.audit()] == [("alice", it) for it in findings]
    busy.audit(repair=True)
    assert busy.audit() == []
    assert busy.badge("alice").count == count
    assert [event.data for event in busy.since("alice", 0)] == [count]


def test_a_message_that_was_unread_again_is_found(busy: Store) -> None:
    busy.commit([MarkRead("alice", up_to=busy.badge("alice").stamp)])
    with busy.engine.begin() as connection:
        connection.execute(update(messages).where(ALICES).values(read_at=None))
    busy.audit(repair=True)
    assert (busy.audit(), busy.badge("alice").count) == ([], 2)


def test_messages_without_an_inbox_are_counted_again(busy: Store) -> None:
    with busy.engine.begin() as connection:
        connection.execute(delete(inboxes))
        connection.execute(delete(notifications))
    busy.audit(repair=True)
    assert busy.audit() == []
    assert busy.badge("alice").count == 2


def test_a_repaired_clock_is_above_every_stamp(busy: Store) -> None:
    newest = busy.badge("alice").stamp
    with busy.engine.begin() as connection:
        connection.execute(update(messages).values(stamp=newest + 10**9 + messages.c.id))
        connection.execute(DAMAGE["clock"])
    busy.audit(repair=True)
    assert busy.badge("alice").stamp > newest + 10**9
