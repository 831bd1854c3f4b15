"""Writes of several callers in one transaction: each has its own result, or its own error."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from notifier import batches, inbox, sending
from notifier.models import inboxes, messages
from notifier.operations import Event, NewMessage
from notifier.outages import OutcomeUnknown
from notifier.publisher import MemoryPublisher
from notifier.store import Store
from tests.support import wait_until

Value = TypeVar("Value")
USERS = [f"user{number}" for number in range(8)]
# What a batch is written by: anything, or single messages on PostgreSQL.
SHARED_WAYS = ((inbox, "write_free"), (sending, "append_free"))


def message(user: str, body: str = "hello") -> NewMessage:
    return NewMessage(user, body, "sender")


class Gate:
    """Holds up the transactions of an engine, right before they commit, while it is shut."""

    def __init__(self, engine: Engine) -> None:
        self.commits = 0
        self._open = threading.Event()
        self._open.set()
        event.listen(engine, "commit", self._commit)

    def _commit(self, _connection: object) -> None:
        self.commits += 1
        assert self._open.wait(10)

    @contextmanager
    def shut(self) -> Iterator[None]:
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()


@pytest.fixture(autouse=True)
def _patient_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine, nobody goes on alone for want of a turn."""
    monkeypatch.setattr(batches, "_LONGEST_WAIT", 60)


@pytest.fixture
def gate(store: Store) -> Gate:
    """On a store where everybody has an inbox."""
    store.commit([message(user) for user in USERS])
    return Gate(store.engine)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as pool:
        yield pool


def at_once(
    store: Store, gate: Gate, pool: ThreadPoolExecutor, calls: Sequence[Callable[[], Value]]
) -> list[Future[Value]]:
    """Make all of ``calls`` while another transaction is about to commit, so that they share."""
    with gate.shut():
        before = gate.commits
        first = pool.submit(store.commit, [message("user0", "the first")])
        wait_until(lambda: gate.commits > before)
        futures = [pool.submit(call) for call in calls]
        wait_until(lambda: len(store._writes._waiting) == len(calls))
    first.result(10)
    return futures


def test_sends_that_come_meanwhile_share_one_commit(
    store: Store, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    before = gate.commits
    calls = [lambda user=user: store.commit([message(user, f"to {user}")]) for user in USERS]
    written = [one.result(10) for one in at_once(store, gate, pool, calls)]
    assert gate.commits == before + 2
    with store.engine.connect() as connection:
        bodies = dict(connection.execute(select(messages.c.id, messages.c.body)).all())
    for user, one in zip(USERS, written, strict=True):
        assert [(m.user, bodies[m.id]) for m in one.messages] == [(user, f"to {user}")]
        assert {event.user for event in one.events} == {user}
        assert one.badges == {user: store.badge(user)}
    assert store.audit() == []


def test_several_messages_to_one_user_keep_their_callers_apart(
    store: Store, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    calls = [
        lambda n=n: store.commit([message("user1", f"{n}a"), message("user1", f"{n}b")])
        for n in range(5)
    ]
    written = [one.result(10) for one in at_once(store, gate, pool, calls)]
    ids = [one.id for result in written for one in result.messages]
    assert len(set(ids)) == 10
    bodies = {one.id: one.body for one in store.list_messages("user1")}
    for number, result in enumerate(written):
        assert [bodies[one.id] for one in result.messages] == [f"{number}a", f"{number}b"]
    assert store.badge("user1").count == 11
    assert store.audit() == []


def test_who_has_no_inbox_yet_gets_one(store: Store, gate: Gate, pool: ThreadPoolExecutor) -> None:
    users = ["new", "user1", "newer"]
    calls = [lambda user=user: store.commit([message(user)]) for user in users]
    for one in at_once(store, gate, pool, calls):
        assert len(one.result(10).messages) == 1
    assert [store.badge(user).count for user in users] == [1, 2, 1]
    assert store.audit() == []


def test_a_write_that_is_refused_fails_alone(
    store: Store, gate: Gate, pool: ThreadPoolExecutor, published: list[Event]
) -> None:
    impossible = message("user2", "half a character: \ud800")
    writes = [[message("user1")], [impossible], [message("user3")]]
    calls = [lambda one=one: store.commit(one) for one in writes]
    one, refused, other = at_once(store, gate, pool, calls)
    published.clear()
    with pytest.raises((SQLAlchemyError, UnicodeError)):
        refused.result(10)
    assert len(one.result(10).messages) == len(other.result(10).messages) == 1
    assert [store.badge(user).count for user in USERS[1:4]] == [2, 1, 2]
    assert store.audit() == []


# SQLite has one lock for everything.
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_inbox_that_somebody_holds_keeps_nobody_else_waiting(
    store: Store, gate: Gate, pool: ThreadPoolExecutor
) -> None:
    with store.engine.connect() as other:
        other.execute(select(inboxes).where(inboxes.c.user_id == "user2").with_for_update())
        calls = [lambda user=user: store.commit([message(user)]) for user in USERS[1:4]]
        one, held, another = at_once(store, gate, pool, calls)
        assert len(one.result(10).messages) == len(another.result(10).messages) == 1
        assert not held.done()
        other.rollback()
    assert len(held.result(10).messages) == 1
    assert store.audit() == []


def test_a_batch_that_lost_against_a_transaction_is_written_one_by_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Lost(Exception):
        pgcode = "40001"

    def lose(*_: object) -> None:
        raise OperationalError("", {}, Lost())

    for module, way in SHARED_WAYS:
        monkeypatch.setattr(module, way, lose)
    assert len(store.commit([message("alice")]).messages) == 1


def test_an_outage_is_everybodys_who_shared_and_is_not_tried_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OutcomeUnknown("", {}, Exception())

    for module, way in SHARED_WAYS:
        monkeypatch.setattr(module, way, fail)
    with pytest.raises(OutcomeUnknown):
        store.commit([message("alice")])
    assert store.badge("alice").count == 0


@pytest.mark.parametrize("others", [1, 0], ids=["two users a write", "one"])
def test_a_crowd_is_counted_exactly(engine: Engine, store: Store, others: int) -> None:
    publisher = MemoryPublisher()
    events: list[Event] = []
    publisher.subscribe(events.extend)
    # Two workers.
    stores = [Store(engine, publisher), Store(engine, publisher)]
    with ThreadPoolExecutor(16) as pool:
        done = [
            pool.submit(
                stores[number % 2].commit,
                [message("all"), message(USERS[number % 3])][: 1 + others],
            )
            for number in range(300)
        ]
        ids = [one.id for future in done for one in future.result(30).messages]
    assert len(set(ids)) == 300 * (1 + others)
    assert store.badge("all").count == 300
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(messages)) == len(ids)
    chain = sorted((event.previous, event.stamp) for event in events if event.user == "all")
    assert all(one[1] == other[0] for one, other in itertools.pairwise(chain))
    assert store.audit() == []


def test_heads_that_are_asked_for_together_are_read_together(store: Store, engine: Engine) -> None:
    store.commit([message(user) for user in USERS])
    expected = {user: store.heads([user]) for user in USERS}
    with ThreadPoolExecutor(8) as pool:
        for user, head in zip(
            USERS, pool.map(lambda user: store.heads([user]), USERS), strict=True
        ):
            assert head == expected[user]
    assert store.heads(["nobody"]) == {}
