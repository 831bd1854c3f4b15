"""The audit finds what was changed behind our back, and repairs it through the primitive."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from notifier.models import inboxes, messages, notifications
from notifier.operations import Event, NewMessage
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
