"""The stamp primitive: stamps, counters, events. The same on SQLite and PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from notifier import inbox
from notifier.models import UNREAD, messages, notifications
from notifier.operations import Badge, Event, MarkRead, NewMessage, SetNotification
from notifier.stamps import LATEST, Clock
from notifier.store import Store


def at(stamp: int) -> Clock:
    return lambda: stamp


def send(store: Store, *users: str) -> list[Event]:
    return store.commit(NewMessage(user, "hi", "bob") for user in users).events


def test_a_message_raises_the_counter_and_makes_one_event(store: Store) -> None:
    [event] = send(store, "alice")
    assert (event.user, event.name, event.data, event.previous) == ("alice", UNREAD, 1, 0)
    assert store.badge("alice") == Badge(1, event.stamp)


def test_the_event_comes_after_its_message(store: Store) -> None:
    written = store.commit([NewMessage("alice", "hi")])
    assert written.messages[0].stamp < written.events[0].stamp


def test_an_event_names_the_head_before_it(store: Store) -> None:
    [first], [second] = send(store, "alice"), send(store, "alice")
    assert second.previous == first.stamp < second.stamp


def test_many_messages_to_one_user_make_one_event(store: Store) -> None:
    [event] = send(store, "alice", "alice", "alice")
    assert event.data == 3


def test_two_names_in_one_write_have_two_stamps_in_a_chain(store: Store) -> None:
    events = store.commit(
        [NewMessage("alice", "hi"), SetNotification("alice", "order", "shipped")]
    ).events
    first, second = events
    assert {first.name, second.name} == {UNREAD, "order"}
    assert second.previous == first.stamp < second.stamp == store.badge("alice").stamp


def test_the_last_value_of_a_name_wins_within_a_write(store: Store) -> None:
    events = store.commit(SetNotification("alice", "order", n) for n in (1, 2)).events
    assert [event.data for event in events] == [2]


def test_the_same_value_again_makes_no_event(store: Store) -> None:
    store.commit([SetNotification("alice", "order", {"a": 1, "b": 2})])
    assert store.commit([SetNotification("alice", "order", {"b": 2, "a": 1})]).events == []


@pytest.mark.parametrize(("before", "after"), [(1, True), (0, None), (1, 1.0), ([], {})])
def test_values_that_python_confuses_are_still_changes(
    store: Store, before: object, after: object
) -> None:
    store.commit([SetNotification("alice", "order", before)])
    [event] = store.commit([SetNotification("alice", "order", after)]).events
    assert repr(event.data) == repr(after)


@pytest.mark.parametrize("value", [2**64 - 1, 1.0, -0.0, 1e308, "1", "null", "\U0001f600 \u0000"])
def test_values_come_back_as_they_were_and_the_same_again_is_no_change(
    store: Store, value: object
) -> None:
    store.commit([SetNotification("alice", "order", value)])
    assert [repr(event.data) for event in store.since("alice", 0)] == [repr(value)]
    assert store.commit([SetNotification("alice", "order", value)]).events == []


def test_null_is_a_value(store: Store) -> None:
    store.commit([SetNotification("alice", "order", None)])
    assert [event.data for event in store.since("alice", 0)] == [None]


def test_a_clock_that_stands_still_still_gives_rising_stamps(store: Store) -> None:
    still = Store(store.engine, store.publisher, at(1_000))
    stamps = [event.stamp for _ in range(3) for event in send(still, "alice")]
    assert stamps == sorted(set(stamps))


def test_a_clock_set_back_still_gives_rising_stamps(store: Store) -> None:
    [late] = send(Store(store.engine, store.publisher, at(9_000_000)), "alice")
    [early] = send(Store(store.engine, store.publisher, at(1_000_000)), "alice")
    assert early.stamp > late.stamp


def test_marking_up_to_a_stamp_spares_what_came_later(store: Store) -> None:
    first = store.commit([NewMessage("alice", "one")]).messages[0]
    send(store, "alice")
    written = store.commit([MarkRead("alice", up_to=first.stamp)])
    assert [event.data for event in written.events] == [1]


def test_marking_by_ids_touches_only_the_own_inbox(store: Store) -> None:
    stored = store.commit([NewMessage("alice", "hi"), NewMessage("bob", "hi")]).messages
    written = store.commit([MarkRead("alice", ids=tuple(one.id for one in stored))])
    assert [event.user for event in written.events] == ["alice"]
    assert store.badge("bob").count == 1


def test_marking_what_is_read_already_makes_no_event(store: Store) -> None:
    [event] = send(store, "alice")
    assert len(store.commit([MarkRead("alice", up_to=event.stamp)]).events) == 1
    assert store.commit([MarkRead("alice", up_to=event.stamp)]).events == []


def test_messages_come_back_in_the_order_of_their_operations(store: Store) -> None:
    users = [f"user{n % 7}" for n in range(50)]
    stored = store.commit(NewMessage(user, f"{n}") for n, user in enumerate(users)).messages
    with store.engine.connect() as connection:
        bodies = dict(connection.execute(select(messages.c.id, messages.c.body)).all())
    assert [one.user for one in stored] == users
    assert [bodies[one.id] for one in stored] == [f"{n}" for n in range(50)]


def test_twelve_thousand_users_are_written_at_once(store: Store) -> None:
    users = [f"user-{n}" for n in range(12_000)]
    events = send(store, *users)
    assert {event.user for event in events} == set(users)
    assert len(store.heads(users)) == 12_000


def test_every_user_keeps_a_clock_of_his_own(store: Store) -> None:
    send(store, "alice")
    [event] = send(store, "bob")
    assert event.previous == 0


def test_user_ids_that_a_collation_would_confuse_are_different_users(store: Store) -> None:
    users = ["a", "A", "ä", "a ", "a\u0301", "Z", "_", "ß", "😀"]
    send(store, *users)
    assert [store.badge(user).count for user in users] == [1] * len(users)


def test_since_returns_what_is_above_ascending(store: Store) -> None:
    for name in ("a", "b", "c"):
        store.commit([SetNotification("alice", name, 1)])
    everything = store.since("alice", 0)
    assert [event.name for event in everything] == ["a", "b", "c"]
    assert store.since("alice", everything[0].stamp) == everything[1:]


def test_polls_that_are_read_together_have_each_their_own(store: Store) -> None:
    for user, n in (("alice", 1), ("alice", 2), ("bob", 3)):
        store.commit([SetNotification(user, f"n{n}", n)])
    (first, second), (of_bob,) = store.since("alice", 0), store.since("bob", 0)
    asked = [("alice", first.stamp), ("bob", 0), ("alice", 0), ("nobody", 0), ("bob", LATEST)]
    with store.engine.connect() as connection:
        found = inbox.since(connection, [*asked, ("alice", second.stamp)])
    assert found == [[second], [of_bob], [first, second], [], [of_bob], []]


def test_since_the_head_is_empty(store: Store) -> None:
    [event] = send(store, "alice")
    assert store.since("alice", event.stamp) == []


def test_since_above_the_head_returns_everything(store: Store) -> None:
    [event] = send(store, "alice")
    assert [one.stamp for one in store.since("alice", event.stamp + 1)] == [event.stamp]


def test_somebody_unknown_has_an_empty_inbox(store: Store) -> None:
    assert store.since("nobody", 0) == store.since("nobody", 5) == []
    assert store.badge("nobody") == Badge(0, 0)


def test_a_failed_write_leaves_nothing(store: Store, published: list[Event]) -> None:
    def broken() -> int:
        raise OSError("no clock")

    with pytest.raises(OSError, match="no clock"):
        Store(store.engine, store.publisher, broken).commit([NewMessage("alice", "hi")])
    assert published == []
    assert store.badge("alice") == Badge(0, 0)


def test_nothing_is_published_for_an_uncommitted_write(
    store: Store, published: list[Event]
) -> None:
    with store.engine.connect() as connection:
        inbox.write(connection, [NewMessage("alice", "hi")])
        connection.rollback()
    assert published == []
    assert store.badge("alice").count == 0


def test_one_row_is_kept_for_each_name(store: Store) -> None:
    for n in range(5):
        store.commit([SetNotification("alice", "progress", n)])
    with store.engine.connect() as connection:
        rows = connection.execute(select(notifications.c.data)).all()
    assert rows == [(4,)]
