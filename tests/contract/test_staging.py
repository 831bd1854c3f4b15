"""What a session holds until it commits: all of it happens then, or none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Column, Engine, Integer, Table, create_engine, event
from sqlalchemy.orm import Session, registry

from notifier.database import create_engine as create_our_engine
from notifier.errors import StagingError
from notifier.operations import Event, NewMessage, SetNotification
from notifier.publisher import MemoryPublisher
from notifier.staging import Staging
from notifier.store import Store

mapping = registry()


@mapping.mapped
class Order:
    __table__ = Table("orders", mapping.metadata, Column("id", Integer, primary_key=True))


def names(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.user, event.name) for event in events]


def note(name: str, user: str = "alice") -> list[SetNotification]:
    return [SetNotification(user, name, 1)]


def test_a_commit_writes_and_publishes(
    session: Session, staging: Staging, store: Store, published: list[Event]
) -> None:
    staging.stage(session, [NewMessage("alice", "hi")])
    assert published == []
    session.commit()
    assert [event.data for event in published] == [1]
    assert store.badge("alice").count == 1


def test_a_rollback_publishes_nothing(
    session: Session, staging: Staging, store: Store, published: list[Event]
) -> None:
    staging.stage(session, note("a"))
    session.rollback()
    session.commit()
    assert published == store.since("alice", 0) == []


def test_a_closed_session_forgets_what_it_held(
    session: Session, staging: Staging, published: list[Event]
) -> None:
    staging.stage(session, note("a"))
    session.close()
    session.commit()
    assert published == []


def test_a_rolled_back_savepoint_publishes_nothing(
    session: Session, staging: Staging, published: list[Event]
) -> None:
    staging.stage(session, note("outer"))
    savepoint = session.begin_nested()
    staging.stage(session, note("inner"))
    savepoint.rollback()
    session.commit()
    assert names(published) == [("alice", "outer")]


def test_a_released_savepoint_waits_for_the_outermost_commit(
    session: Session, staging: Staging, published: list[Event]
) -> None:
    with session.begin_nested():
        staging.stage(session, note("inner"))
    assert published == []
    session.commit()
    assert names(published) == [("alice", "inner")]


def test_a_savepoint_released_inside_one_rolled_back_is_gone(
    session: Session, staging: Staging, published: list[Event]
) -> None:
    outer = session.begin_nested()
    with session.begin_nested():
        staging.stage(session, note("inner"))
    outer.rollback()
    staging.stage(session, note("after"))
    session.commit()
    assert names(published) == [("alice", "after")]


def test_a_commit_from_within_a_savepoint_carries_both(
    session: Session, staging: Staging, published: list[Event]
) -> None:
    staging.stage(session, note("outer"))
    session.begin_nested()
    staging.stage(session, note("inner"))
    session.commit()
    assert sorted(names(published)) == [("alice", "inner"), ("alice", "outer")]


def test_the_second_transaction_of_a_session_starts_empty(
    session: Session, staging: Staging, published: list[Event]
) -> None:
    for name in ("first", "second"):
        staging.stage(session, note(name))
        session.commit()
    assert names(published) == [("alice", "first"), ("alice", "second")]


def test_objects_are_flushed_before_the_inboxes_are_locked(
    session: Session, staging: Staging, engine: Engine, store: Store
) -> None:
    mapping.metadata.create_all(engine)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    session.autoflush = False
    session.add(Order())
    staging.stage(session, note("a"))
    session.commit()
    written = [
        next(t for t in ("orders", "inboxes", "notif") if t in s)
        for s in statements
        if s.startswith("INSERT")
    ]
    assert written[0] == "orders"


def test_a_failing_flush_publishes_nothing(
    session: Session, staging: Staging, engine: Engine, published: list[Event]
) -> None:
    mapping.metadata.create_all(engine)
    session.add_all([Order(id=1), Order(id=1)])
    staging.stage(session, note("a"))
    with pytest.raises(Exception, match=r"(?i)unique"):
        session.commit()
    session.rollback()
    session.commit()
    assert published == []


def test_an_exception_in_a_later_hook_publishes_nothing(
    session: Session, staging: Staging, published: list[Event], store: Store
) -> None:
    staging.stage(session, note("a"))

    @event.listens_for(session, "before_commit", once=True)
    def refuse(_session: Session) -> None:
        raise OSError("not today")

    with pytest.raises(OSError, match="not today"):
        session.commit()
    session.rollback()
    assert published == store.since("alice", 0) == []


def test_a_commit_that_failed_half_way_cannot_be_repeated_without_a_rollback(
    session: Session, staging: Staging, store: Store, published: list[Event]
) -> None:
    staging.stage(session, [NewMessage("alice", "hi")])
    event.listen(store.engine, "before_cursor_execute", fail_on("notifications"))
    for problem in (OSError, StagingError):
        with pytest.raises(problem):
            session.commit()
    session.rollback()
    session.commit()
    assert published == store.list_messages("alice") == store.audit() == []


def fail_on(table: str) -> Callable[..., None]:
    def check(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if f"INSERT INTO {table}" in statement:
            raise OSError("no disk")

    return check


def test_what_a_later_hook_stages_is_carried_too(
    session: Session, staging: Staging, published: list[Event]
) -> None:
    staging.stage(session, note("a"))
    event.listen(session, "before_commit", lambda s: staging.stage(s, note("late")), once=True)
    session.commit()
    assert names(published) == [("alice", "a"), ("alice", "late")]


def test_a_session_inside_someone_elses_transaction_pushes_nothing_yet(
    engine: Engine, staging: Staging, store: Store, published: list[Event]
) -> None:
    with engine.connect() as connection, connection.begin() as outer:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            staging.stage(session, note("a"))
            session.commit()
        outer.rollback()
    assert published == store.since("alice", 0) == []


def test_a_session_on_autocommit_is_refused(engine: Engine, staging: Staging, store: Store) -> None:
    with Session(engine.execution_options(isolation_level="AUTOCOMMIT")) as session:
        staging.stage(session, note("a"))
        with pytest.raises(StagingError, match="AUTOCOMMIT"):
            session.commit()
    assert store.since("alice", 0) == []


def test_an_engine_on_autocommit_is_refused(
    database_url: str, staging: Staging, store: Store
) -> None:
    engine = create_engine(store.engine.url, isolation_level="AUTOCOMMIT")
    with Session(engine) as session:
        staging.stage(session, note("a"))
        with pytest.raises(StagingError, match="AUTOCOMMIT"):
            session.commit()
    engine.dispose()
    assert store.since("alice", 0) == []


def test_a_session_without_an_engine_says_what_to_do(staging: Staging) -> None:
    with Session() as session:
        staging.stage(session, note("a"))
        with pytest.raises(StagingError, match="default bind"):
            session.commit()


def test_two_phase_commits_publish(postgres_url: str) -> None:
    published: list[Event] = []
    publisher = MemoryPublisher()
    publisher.subscribe(published.extend)
    store = Store(engine := create_our_engine(postgres_url), publisher)
    store.create_tables()
    with Session(engine, twophase=True) as session:
        Staging(publisher).stage(session, note("a"))
        session.commit()
    engine.dispose()
    assert names(published) == [("alice", "a")]


def test_two_sessions_hold_their_own(
    engine: Engine, staging: Staging, store: Store, published: list[Event]
) -> None:
    with Session(engine) as one, Session(engine) as other:
        staging.stage(one, note("a"))
        staging.stage(other, note("b"))
        one.commit()
        other.rollback()
    assert names(published) == [("alice", "a")]


def test_publication_comes_after_the_commit_is_visible(
    session: Session, staging: Staging, store: Store, publisher: object
) -> None:
    seen: list[int] = []
    store.publisher.subscribe(lambda events: seen.append(store.badge("alice").count))  # type: ignore[attr-defined]
    staging.stage(session, [NewMessage("alice", "hi")])
    session.commit()
    assert seen == [1]
