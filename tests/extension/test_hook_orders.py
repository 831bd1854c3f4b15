"""Whichever hook sends, wherever it was registered, first or not: nothing is lost or kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Column, Engine, Integer, Table, event, func, select
from sqlalchemy.orm import Session, registry, sessionmaker

import notifier.staging
from notifier.operations import Event, SetNotification
from notifier.staging import Staging
from notifier.store import Store

mapping = registry()

HOOKS = ["before_commit", "before_flush", "after_flush", "after_flush_postexec"]


@mapping.mapped
class Letter:
    __table__ = Table("letters", mapping.metadata, Column("id", Integer, primary_key=True))


def note(name: str) -> list[SetNotification]:
    return [SetNotification("alice", name, 1)]


def names(events: list[Event]) -> list[str]:
    return sorted(event.name for event in events)


def letters(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(Letter)).scalar() or 0)


@pytest.fixture
def factory(store: Store) -> sessionmaker[Session]:
    mapping.metadata.create_all(store.engine)
    return sessionmaker(store.engine)


Open = Callable[[Callable[..., None]], Session]


@pytest.fixture(params=["class", "instance"])
def opened(
    request: pytest.FixtureRequest, factory: sessionmaker[Session], hook: str
) -> Iterator[Open]:
    """A function: a session whose hook is the one given, of its class or its own."""
    sessions: list[Session] = []

    def make(function: Callable[..., None]) -> Session:
        if request.param == "class":
            event.listen(factory, hook, function)
        sessions.append(session := factory())
        if request.param == "instance":
            event.listen(session, hook, function)
        return session

    yield make
    for session in sessions:
        session.close()


@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize("hook", HOOKS)
def test_what_a_hook_sends_is_committed_and_pushed_each_time(
    opened: Open, adds: bool, staging: Staging, store: Store, published: list[Event]
) -> None:
    calls = []

    def send(session: Session, *_: Any) -> None:
        calls.append(f"hooked{len(calls)}")
        staging.stage(session, note(calls[-1]))
        if adds and len(calls) % 2:
            session.add(Letter())

    session = opened(send)
    for _ in range(3):
        session.add(Letter())
        session.commit()
    assert len(calls) >= 3
    assert names(published) == names(store.since("alice", 0)) == sorted(calls)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_adds_to_what_the_session_has_sent(
    opened: Open, staging: Staging, store: Store, published: list[Event]
) -> None:
    session = opened(lambda session, *_: staging.stage(session, note("hooked")))
    staging.stage(session, note("sent"))
    session.add(Letter())
    session.commit()
    assert names(published) == names(store.since("alice", 0)) == ["hooked", "sent"]


@pytest.mark.parametrize("hook", HOOKS[1:])
def test_what_a_hook_sends_goes_with_a_savepoint_that_is_rolled_back(
    opened: Open, staging: Staging, store: Store, published: list[Event]
) -> None:
    session = opened(lambda session, *_: staging.stage(session, note("hooked")))
    savepoint = session.begin_nested()
    session.add(Letter())
    session.flush()
    savepoint.rollback()
    session.commit()
    assert published == store.since("alice", 0) == []


@pytest.mark.parametrize("sent", [False, True])
def test_what_the_flushes_of_a_commit_send_is_locked_together(
    factory: sessionmaker[Session],
    staging: Staging,
    published: list[Event],
    sent: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writes: list[object] = []
    write = notifier.staging.write
    monkeypatch.setattr(
        "notifier.staging.write", lambda *args: (writes.append(args), write(*args))[1]
    )

    rounds = iter(range(3))

    def send(session: Session, *_: Any) -> None:
        round = next(rounds)
        staging.stage(session, note(f"hooked{round}"))
        if round < 2:
            session.add(Letter())

    with factory() as session:
        event.listen(session, "after_flush", send)
        if sent:
            staging.stage(session, note("sent"))
        session.add(Letter())
        session.commit()
    assert len(published) == 3 + sent
    assert len(writes) == 1


@pytest.mark.parametrize("commit", ["session", "block"])
def test_a_savepoint_left_open_at_the_commit_is_released_with_what_was_sent_in_it(
    factory: sessionmaker[Session],
    commit: str,
    staging: Staging,
    store: Store,
    published: list[Event],
) -> None:
    with factory() as session:
        transaction = session.begin()
        for name in ("outer", "inner"):
            session.add(Letter())
            session.begin_nested()
            staging.stage(session, note(name))
        (session if commit == "session" else transaction).commit()
    assert names(published) == names(store.since("alice", 0)) == ["inner", "outer"]
    assert letters(store.engine) == 2


def test_a_savepoint_that_is_closed_takes_back_what_was_sent_in_it(
    factory: sessionmaker[Session], staging: Staging, store: Store, published: list[Event]
) -> None:
    with factory.begin() as session:
        staging.stage(session, note("kept"))
        outer = session.begin_nested()
        staging.stage(session, note("outer"))
        with session.begin_nested():
            session.add(Letter())
            staging.stage(session, note("inner"))
        outer.close()
    assert names(published) == names(store.since("alice", 0)) == ["kept"]
    assert letters(store.engine) == 0


def test_what_was_sent_in_a_released_savepoint_stays(
    factory: sessionmaker[Session], staging: Staging, published: list[Event]
) -> None:
    with factory.begin() as session:
        with session.begin_nested(), session.begin_nested():
            staging.stage(session, note("inner"))
        session.begin_nested().close()
    assert names(published) == ["inner"]


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_what_a_hook_of_the_end_sends_is_of_the_next_transaction(
    factory: sessionmaker[Session],
    staging: Staging,
    store: Store,
    published: list[Event],
    end: str,
) -> None:
    with factory() as session:

        def send(session: Session, ended: Any) -> None:
            if ended.parent is None and not sent:
                sent.append(True)
                staging.stage(session, note("next"))

        sent: list[bool] = []
        event.listen(session, "after_transaction_end", send)
        session.add(Letter())
        staging.stage(session, note("first"))
        getattr(session, end)()
        session.commit()
    expected = ["first", "next"] if end == "commit" else ["next"]
    assert names(published) == names(store.since("alice", 0)) == expected


@pytest.mark.parametrize("end", ["release", "commit"])
def test_a_hook_that_is_first_called_for_a_savepoint_may_be_the_first_to_send(
    factory: sessionmaker[Session],
    staging: Staging,
    store: Store,
    published: list[Event],
    end: str,
) -> None:
    calls: list[str] = []

    def send(session: Session) -> None:
        calls.append(f"hooked{len(calls)}")
        staging.stage(session, note(calls[-1]))

    with factory() as session:
        event.listen(session, "before_commit", send)
        for _ in range(2):
            session.add(Letter())
            savepoint = session.begin_nested()
            if end == "release":
                savepoint.commit()
            session.commit()
    assert len(calls) == 4
    assert names(published) == names(store.since("alice", 0)) == sorted(calls)
