"""A user is erased: nothing of theirs stays, and no page is ahead of what comes next."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from notifier.models import idempotency, inboxes, messages, notifications
from notifier.operations import Event, MarkRead, NewMessage, SetNotification
from notifier.parts import PART
from notifier.publisher import MemoryPublisher
from notifier.retention import Erased, Retention
from notifier.store import Store
from notifier.web.identity import Caller
from tests.rule import Rule
from tests.schema.clock import HOUR, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def published(store: Store) -> list[Event]:
    seen: list[Event] = []
    assert isinstance(store.publisher, MemoryPublisher)
    store.publisher.subscribe(seen.extend)
    return seen


@pytest.fixture
def store(engine: Any, clock: Clock) -> Store:
    store = Store(engine, MemoryPublisher(), clock)
    store.create_tables()
    store.commit([NewMessage("alice", "one", "bob"), NewMessage("bob", "two", "alice")])
    store.commit([SetNotification("alice", "order", "shipped")])
    return store


@pytest.fixture
def retention(store: Store, clock: Clock) -> Retention:
    return Retention(store, clock)


def told(store: Store, user: str) -> list[tuple[str, Any]]:
    return [(event.name, event.data) for event in store.since(user, 0)]


def everything(store: Store) -> str:
    with store.engine.connect() as connection:
        tables = (inboxes, messages, notifications, idempotency)
        rows = [
            list(map(str, row)) for table in tables for row in connection.execute(select(table))
        ]
    return json.dumps(rows)


def test_what_a_user_received_and_was_told_is_gone(store: Store, retention: Retention) -> None:
    assert retention.erase("alice") == Erased(1, 1, 1, empty_inbox=True)
    assert store.list_messages("alice") == []
    assert told(store, "alice") == [("unread_message_count", 0)]
    assert store.audit() == []


def test_what_a_user_sent_stays_with_who_received_it_but_without_sender(
    store: Store, retention: Retention
) -> None:
    retention.erase("alice")
    assert [(one.body, one.sender) for one in store.list_messages("bob")] == [("two", None)]
    assert store.badge("bob").count == 1


def test_pages_are_told_of_the_empty_badge(
    store: Store, retention: Retention, published: list[Event]
) -> None:
    before = store.badge("alice").stamp
    retention.erase("alice")
    [event] = published
    assert (event.user, event.data, event.previous) == ("alice", 0, before)


def test_an_erased_user_can_be_sent_to_again(store: Store, retention: Retention) -> None:
    retention.erase("alice")
    store.commit([NewMessage("alice", "welcome back")])
    assert (store.badge("alice").count, store.audit()) == (1, [])


def test_erasing_again_changes_nothing(
    store: Store, retention: Retention, published: list[Event]
) -> None:
    retention.erase("alice")
    published.clear()
    assert retention.erase("alice") == Erased(0, 0, 0, empty_inbox=True)
    assert published == []


def test_a_user_of_whom_nothing_is_known_leaves_no_trace(
    store: Store, retention: Retention
) -> None:
    assert retention.erase("nobody") == Erased(0, 0, 0, empty_inbox=False)
    assert "nobody" not in everything(store)


def test_after_a_day_not_even_the_id_is_left(
    store: Store, retention: Retention, clock: Clock
) -> None:
    retention.erase("alice")
    clock.now += 24 * HOUR
    assert retention.erase("alice") == Erased(0, 0, 0, empty_inbox=False)
    assert "alice" not in everything(store)
    assert store.audit() == []


def test_who_has_been_away_for_a_day_is_gone_at_once(
    store: Store, retention: Retention, clock: Clock
) -> None:
    store.commit([MarkRead("bob", up_to=clock.now)])
    clock.now += 24 * HOUR
    assert not retention.erase("bob").empty_inbox
    assert '"bob"' not in everything(store)


@pytest.mark.parametrize("hours", [0, 23])
def test_a_clock_set_back_after_an_erasure_stamps_above_what_pages_have_seen(
    store: Store, retention: Retention, clock: Clock, published: list[Event], hours: int
) -> None:
    retention.erase("alice")
    [seen] = published
    clock.now += hours * HOUR
    retention.erase("alice")
    retention.expire(timedelta())
    clock.now = seen.stamp - 5 * HOUR
    [event] = store.commit([NewMessage("alice", "late")]).events
    assert event.stamp > seen.stamp


def test_an_open_page_follows_through_erasure_and_removal(
    store: Store, retention: Retention, clock: Clock, published: list[Event]
) -> None:
    page = Rule()
    page.answer(page.ask(full=True), [event.polled() for event in store.since("alice", 0)])
    retention.erase("alice")
    clock.now += 24 * HOUR
    retention.erase("alice")
    store.commit([NewMessage("alice", "again")])
    for event in published:
        page.push(event.pushed())
    assert page.value("unread_message_count") == 1
    assert page.holes == set()
    since = round(page.cursor * 1e6)
    assert since == store.badge("alice").stamp


def test_an_open_page_forgets_other_values_at_its_next_full_catch_up(
    store: Store, retention: Retention
) -> None:
    page = Rule()
    page.answer(page.ask(full=True), [event.polled() for event in store.since("alice", 0)])
    retention.erase("alice")
    page.answer(page.ask(full=True), [event.polled() for event in store.since("alice", 0)])
    assert {name: data for name, (_, data) in page.values.items()} == {"unread_message_count": 0}


def test_many_messages_go_part_by_part_with_a_right_count_each_time(
    store: Store, retention: Retention, published: list[Event]
) -> None:
    store.commit([NewMessage("alice", "x", "bob") for _ in range(2 * PART)])
    published.clear()
    assert retention.erase("alice").messages == 2 * PART + 1
    assert [event.data for event in published] == [PART + 1, 1, 0]


def test_all_that_a_user_sent_loses_its_sender(store: Store, retention: Retention) -> None:
    store.commit([NewMessage(f"u{n}", "x", "alice") for n in range(PART + 10)])
    assert retention.erase("alice").sent == PART + 11
    with store.engine.connect() as connection:
        assert connection.scalar(select(func.count()).where(messages.c.sender_id == "alice")) == 0


def test_answers_to_requests_of_the_user_are_gone(store: Store, retention: Retention) -> None:
    row = {"key": "k", "fingerprint": "f", "created": 1, "answer": "to alice"}
    with store.engine.begin() as connection:
        for label in (Caller("alice", True).label, Caller("alicia", True).label):
            connection.execute(idempotency.insert().values(caller=label, **row))
    retention.erase("alice")
    with store.engine.connect() as connection:
        assert connection.scalars(select(idempotency.c.caller)).all() == ["user:alicia"]


def test_messages_whose_inbox_is_missing_are_erased_as_well(
    store: Store, retention: Retention
) -> None:
    with store.engine.begin() as connection:
        connection.execute(delete(inboxes).where(inboxes.c.user_id == "alice"))
    assert retention.erase("alice").messages == 1
    assert store.audit() == []
