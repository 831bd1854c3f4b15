"""What was read long ago is deleted, and nobody notices."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from notifier import InvalidInput, expiry, parts
from notifier.models import idempotency
from notifier.operations import MarkRead, NewMessage, SetNotification
from notifier.parts import PART
from notifier.publisher import MemoryPublisher
from notifier.retention import Expired, Retention
from notifier.store import Store
from tests.schema.clock import HOUR, Clock

DAY = timedelta(days=1)


class _Busy(Exception):
    pgcode = "55P03"


LOST = OperationalError("LOCK", None, _Busy())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(engine: Any, clock: Clock) -> Store:
    """Alice has read two of four messages: one five days ago, one just now."""
    store = Store(engine, MemoryPublisher(), clock)
    store.create_tables()
    for body in ("one", "two", "three", "four"):
        store.commit([NewMessage("alice", body)])
    first, second = reversed(store.list_messages("alice")[2:])
    store.commit([MarkRead("alice", ids=(first.id,))])
    clock.now += 5 * 24 * HOUR
    store.commit([MarkRead("alice", ids=(second.id,))])
    return store


@pytest.fixture
def retention(store: Store, clock: Clock) -> Retention:
    return Retention(store, clock)


def bodies(store: Store) -> list[str]:
    return [message.body for message in store.list_messages("alice")]


def test_only_what_was_read_before_then_is_deleted(store: Store, retention: Retention) -> None:
    assert retention.expire(DAY) == Expired(messages=1, inboxes=0)
    assert bodies(store) == ["four", "three", "two"]


def test_what_is_unread_stays_however_old_it_is(store: Store, retention: Retention) -> None:
    assert retention.expire(timedelta()).messages == 2
    assert bodies(store) == ["four", "three"]
    assert store.audit() == []


def test_the_time_may_be_a_date(store: Store, retention: Retention, clock: Clock) -> None:
    now = datetime.fromtimestamp(clock.now / 1e6, UTC)
    assert retention.expire(now - DAY).messages == 1


@pytest.mark.parametrize(
    "moment", [datetime(2020, 1, 1), timedelta(days=-1), datetime(2999, 1, 1, tzinfo=UTC)]
)
def test_a_time_that_means_nothing_is_refused(
    retention: Retention, moment: datetime | timedelta
) -> None:
    with pytest.raises(InvalidInput, match="read_before"):
        retention.expire(moment)


def test_an_age_before_all_time_deletes_nothing(retention: Retention) -> None:
    assert retention.expire(timedelta.max).messages == 0


def test_badge_head_and_events_stay_what_they_were(store: Store, retention: Retention) -> None:
    store.commit([SetNotification("alice", "order", "shipped")])
    before = (store.badge("alice"), store.since("alice", 0))
    retention.expire(timedelta())
    assert (store.badge("alice"), store.since("alice", 0)) == before


def test_paging_goes_on_where_it_was(store: Store, retention: Retention) -> None:
    [newest, third] = store.list_messages("alice", limit=2)
    retention.expire(DAY)
    assert [one.body for one in store.list_messages("alice", third.timestamp)] == ["two"]
    assert newest.body == "four"


def test_gaps_and_many_parts_are_gone_through(
    store: Store, retention: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "_SPAN", 7)
    store.commit([NewMessage(f"u{n % 3}", "x") for n in range(PART + 20)])
    store.commit([MarkRead("u1", up_to=store.badge("u1").stamp)])
    assert retention.expire(timedelta()).messages == 2 + len(range(1, PART + 20, 3))
    store.commit([MarkRead("u2", up_to=store.badge("u2").stamp)])
    assert retention.expire(timedelta()).messages == len(range(2, PART + 20, 3))
    assert store.audit() == []


def test_inboxes_that_have_been_empty_for_a_day_go(
    store: Store, retention: Retention, clock: Clock
) -> None:
    store.commit([NewMessage("bob", "x")])
    store.commit([SetNotification("carol", "order", 1)])
    store.commit([MarkRead("bob", up_to=clock.now)])
    assert retention.expire(timedelta()).inboxes == 0
    clock.now += 24 * HOUR
    assert retention.expire(timedelta()) == Expired(0, 1)
    assert sorted(store.heads(["alice", "bob", "carol"])) == ["alice", "carol"]
    assert store.audit() == []


def test_a_lost_race_leaves_the_rest_and_counts_what_went_before(
    store: Store, retention: Retention, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "_REMOVED", 1)
    for user in ("bob", "carol"):
        store.commit([NewMessage(user, "x")])
        store.commit([MarkRead(user, up_to=clock.now)])
    clock.now += 24 * HOUR
    remove = expiry._remove

    def lose(engine: Engine, users: Sequence[str], cutoff: int) -> int:
        if "carol" in users:
            raise LOST
        return remove(engine, users, cutoff)

    monkeypatch.setattr(expiry, "_remove", lose)
    monkeypatch.setattr(parts, "_PAUSES", ())
    assert retention.expire(timedelta()).inboxes == 1


def test_answers_that_were_kept_long_enough_go_too(store: Store, retention: Retention) -> None:
    row = {"caller": "key:1", "key": "k", "fingerprint": "f", "created": 1, "answer": "alice"}
    with store.engine.begin() as connection:
        connection.execute(idempotency.insert().values(row))
    retention.expire(DAY)
    with store.engine.connect() as connection:
        assert connection.execute(select(idempotency)).all() == []


def test_an_export_has_every_message_and_notification(store: Store, retention: Retention) -> None:
    store.commit([NewMessage("bob", "not hers"), SetNotification("alice", "order", [1])])
    lines = [json.loads(line) for line in retention.export("alice")]
    assert [line.get("body", line.get("name")) for line in lines] == [
        *("one", "two", "three", "four"),
        *("unread_message_count", "order"),
    ]
    assert lines[0].keys() == {"type", "id", "from", "body", "timestamp", "read_at"}
    assert [line["read_at"] is None for line in lines[:4]] == [False, False, True, True]


def test_an_export_streams_page_after_page(
    store: Store, retention: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.retention._PAGE", 2)
    lines = retention.export("alice")
    assert json.loads(next(lines))["body"] == "one"
    store.commit([NewMessage("alice", "five")])
    assert [json.loads(line).get("body") for line in lines] == [
        "two",
        "three",
        "four",
        "five",
        None,
    ]
