"""Names that carry ids do not add up for ever, and no page that follows is led astray."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifier import InvalidInput, expiry, parts
from notifier.operations import MarkRead, NewMessage, Operation, SetNotification
from notifier.publisher import MemoryPublisher
from notifier.retention import Retention
from notifier.stamps import LATEST
from notifier.store import Store
from tests.rule import Rule
from tests.schema.clock import HOUR, Clock

NOW = timedelta()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(engine: Any, clock: Clock) -> Store:
    """Alice was told of two tasks and a plan five days ago, and of a third task just now."""
    store = Store(engine, MemoryPublisher(), clock)
    store.create_tables()
    old = [SetNotification("alice", name, 1) for name in ("task:1", "task:2", "tasks", "plan")]
    store.commit([*old, NewMessage("alice", "x")])
    clock.now += 5 * 24 * HOUR
    store.commit([SetNotification("alice", "task:3", 1)])
    return store


@pytest.fixture
def retention(store: Store, clock: Clock) -> Retention:
    return Retention(store, clock)


def names(store: Store, user: str = "alice") -> list[str]:
    return [event.name for event in store.since(user, 0)]


def test_only_those_told_before_then_go(store: Store, retention: Retention) -> None:
    store.commit([SetNotification("alice", "task:1", 2)])
    assert retention.expire_notifications(["task:*"], timedelta(days=1)) == 1
    assert names(store) == ["tasks", "plan", "unread_message_count", "task:3", "task:1"]


def test_a_name_without_a_star_is_that_name_alone(store: Store, retention: Retention) -> None:
    assert retention.expire_notifications(["task", "plan", "task:1"], NOW) == 2
    assert names(store) == ["task:2", "tasks", "unread_message_count", "task:3"]


def test_an_underscore_is_no_placeholder(store: Store, retention: Retention) -> None:
    store.commit([SetNotification("alice", "a_b:1", 1), SetNotification("alice", "acb:1", 1)])
    store.commit([SetNotification("alice", "later", 1)])
    assert retention.expire_notifications(["a_b*"], NOW) == 1
    assert "acb:1" in names(store)


def test_the_newest_of_a_user_stays_as_the_clock_stands_there(
    store: Store, retention: Retention
) -> None:
    before = store.heads(["alice"])
    assert retention.expire_notifications(["task:*"], NOW) == 2
    assert names(store) == ["tasks", "plan", "unread_message_count", "task:3"]
    assert (store.heads(["alice"]), store.audit()) == (before, [])


def test_a_badge_is_of_no_name_that_expires(store: Store, retention: Retention) -> None:
    assert retention.expire_notifications(["unread*", "u*"], NOW) == 0
    assert (store.badge("alice").count, store.audit()) == (1, [])


def test_a_page_that_is_behind_catches_up_with_what_is_left(
    store: Store, retention: Retention
) -> None:
    rule = Rule()
    rule.ask(full=True)
    rule.answer(0.0, [one.polled() for one in store.since("alice", 0)[:1]])
    retention.expire_notifications(["task:*"], NOW)
    since = rule.ask(full=False)
    rule.answer(since, [one.polled() for one in store.since("alice", round(since * 1e6))])
    assert (rule.value("task:3"), rule.cursor * 1e6) == (1, store.heads(["alice"])["alice"])


def test_a_page_forgets_it_at_its_next_full_catch_up(store: Store, retention: Retention) -> None:
    rule = Rule()
    for _ in range(2):
        rule.ask(full=True)
        rule.answer(0.0, [one.polled() for one in store.since("alice", 0)])
        shown = set(rule.values)
        retention.expire_notifications(["task:*"], NOW)
    assert shown == {"tasks", "plan", "unread_message_count", "task:3"}


def test_many_users_and_parts_are_gone_through(
    store: Store, retention: Retention, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "_USERS", 3)
    monkeypatch.setattr(parts, "PART", 4)
    told: list[Operation] = [
        SetNotification(f"u{user}", f"task:{task}", 1) for user in range(7) for task in range(6)
    ]
    store.commit(told)
    clock.now += HOUR
    assert retention.expire_notifications(["task:*"], NOW) == 7 * 5 + 2
    assert store.audit() == []


def test_an_inbox_with_nothing_else_left_goes_after_its_day(
    store: Store, retention: Retention, clock: Clock
) -> None:
    store.commit([SetNotification("bob", "task:1", 1), NewMessage("bob", "x")])
    store.commit([MarkRead("bob", up_to=LATEST)])
    retention.expire_notifications(["task:*"], NOW)
    clock.now += 24 * HOUR
    assert retention.expire(NOW).inboxes == 1
    assert sorted(store.heads(["alice", "bob"])) == ["alice"]


@pytest.mark.parametrize(
    "moment", [datetime(2020, 1, 1), timedelta(days=-1), datetime(2999, 1, 1, tzinfo=UTC)]
)
def test_a_time_that_means_nothing_is_refused(
    retention: Retention, moment: datetime | timedelta
) -> None:
    with pytest.raises(InvalidInput, match="told_before"):
        retention.expire_notifications(["task:*"], moment)
