"""Hooks of the host's that send, fail, or do both: what is committed is pushed, nothing else."""

from __future__ import annotations

import contextlib
import gc
import weakref
from collections.abc import Callable
from unittest.mock import patch

import pytest
from sqlalchemy import Column, Engine, Integer, Table, event, insert
from sqlalchemy.orm import Session, registry, scoped_session, sessionmaker

from notifier.errors import StagingError
from notifier.operations import Event, NewMessage, SetNotification
from notifier.staging import Staging
from notifier.store import Store

mapping = registry()


@mapping.mapped
class Parcel:
    __table__ = Table("parcels", mapping.metadata, Column("id", Integer, primary_key=True))


def note(name: str) -> list[SetNotification]:
    return [SetNotification("alice", name, 1)]


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events]


@pytest.fixture
def sends(engine: Engine, staging: Staging) -> Callable[[str], sessionmaker[Session]]:
    """A function: a factory of sessions that send from the named hook of the host's."""
    mapping.metadata.create_all(engine)

    def make(hook: str) -> sessionmaker[Session]:
        factory = sessionmaker(engine)
        event.listen(factory, hook, lambda session, *_: staging.stage(session, note("hooked")))
        return factory

    return make


Sends = Callable[[str], sessionmaker[Session]]


@pytest.mark.parametrize("hook", ["before_commit", "before_flush", "after_flush"])
def test_a_hook_of_the_commit_may_be_the_first_to_send(
    sends: Sends, hook: str, store: Store, published: list[Event]
) -> None:
    inserts: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *args: inserts.append(args[2]))
    with sends(hook)() as session:
        session.add(Parcel())
        session.commit()
    assert names(published) == names(store.since("alice", 0)) == ["hooked"]
    assert next(one for one in inserts if one.startswith("INSERT")).startswith("INSERT INTO parcel")


@pytest.mark.parametrize("hook", ["before_commit", "before_flush", "after_flush"])
def test_a_hook_of_the_commit_may_add_to_what_was_sent(
    sends: Sends, hook: str, staging: Staging, store: Store, published: list[Event]
) -> None:
    with sends(hook)() as session:
        session.add(Parcel())
        staging.stage(session, note("sent"))
        session.commit()
    assert sorted(names(published)) == ["hooked", "sent"]
    assert len(store.since("alice", 0)) == 2


def test_a_hook_of_a_mapper_may_send(
    session: Session, staging: Staging, store: Store, published: list[Event]
) -> None:
    mapping.metadata.create_all(store.engine)

    def tell(_mapper: object, _connection: object, parcel: object) -> None:
        staging.stage(session, note("inserted"))

    event.listen(Parcel, "after_insert", tell)
    session.add_all([Parcel(), Parcel()])
    session.commit()
    event.remove(Parcel, "after_insert", tell)
    assert names(published) == names(store.since("alice", 0)) == ["inserted"]


def test_what_the_hook_of_an_early_flush_sends_waits_for_the_commit(
    sends: Sends, engine: Engine, published: list[Event]
) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    with sends("after_flush")() as session:
        session.add(Parcel())
        session.flush()
        assert not [one for one in statements if "inboxes" in one]
        session.commit()
    assert names(published) == ["hooked"]


def test_what_the_hook_of_an_early_flush_sends_goes_with_a_rollback(
    sends: Sends, store: Store, published: list[Event]
) -> None:
    with sends("after_flush")() as session:
        session.add(Parcel())
        session.flush()
        session.rollback()
        session.commit()
    assert published == store.since("alice", 0) == []


def test_an_object_added_by_a_later_hook_may_send_in_the_commits_own_flush(
    sends: Sends, staging: Staging, published: list[Event]
) -> None:
    with sends("after_flush")() as session:
        staging.stage(session, note("sent"))
        event.listen(session, "before_commit", lambda session: session.add(Parcel()), once=True)
        session.commit()
    assert sorted(names(published)) == ["hooked", "sent"]


def test_what_a_late_hook_sends_in_a_savepoint_goes_with_the_savepoint(
    engine: Engine, staging: Staging, store: Store, published: list[Event]
) -> None:
    def try_it(session: Session) -> None:
        staging.stage(session, note("kept"))
        with contextlib.suppress(LookupError), session.begin_nested():
            staging.stage(session, note("gone"))
            raise LookupError

    factory = sessionmaker(engine)
    event.listen(factory, "before_commit", try_it)
    with factory.begin():
        pass
    assert names(published) == names(store.since("alice", 0)) == ["kept"]


def test_nothing_is_pushed_by_a_commit_whose_hook_hid_half_a_write(
    engine: Engine, staging: Staging, published: list[Event]
) -> None:
    def hide(session: Session) -> None:
        staging.stage(session, note("whole"))
        with patch("notifier.staging.write", fail), contextlib.suppress(OSError):
            staging.stage(session, note("half"))

    factory = sessionmaker(engine)
    event.listen(factory, "before_commit", hide)
    with factory.begin():
        pass
    assert published == []


def test_sending_after_the_commit_says_what_to_do(sends: Sends, published: list[Event]) -> None:
    with sends("after_commit")() as session:
        session.add(Parcel())
        with pytest.raises(StagingError, match=r"notifier\.transaction"):
            session.commit()
    assert published == []


def test_sending_in_a_transaction_that_failed_says_what_to_do(
    session: Session, staging: Staging, engine: Engine
) -> None:
    mapping.metadata.create_all(engine)
    session.add_all([Parcel(id=1), Parcel(id=1)])
    with pytest.raises(Exception, match=r"(?i)unique"):
        session.flush()
    with pytest.raises(StagingError, match="roll it back"):
        staging.stage(session, note("a"))


@pytest.mark.parametrize("hook", ["before_commit", "before_flush", "after_flush"])
def test_a_hook_that_fails_takes_everything_back(
    session: Session, staging: Staging, store: Store, published: list[Event], hook: str
) -> None:
    mapping.metadata.create_all(store.engine)
    session.add(Parcel())
    staging.stage(session, [NewMessage("alice", "hi")])
    event.listen(session, hook, fail, once=True)
    with pytest.raises(OSError, match="not today"):
        session.commit()
    session.rollback()
    session.commit()
    assert published == store.list_messages("alice") == store.audit() == []


def fail(*_args: object) -> None:
    raise OSError("not today")


def test_a_hook_that_fails_after_the_commit_leaves_no_trace_in_the_next_one(
    session: Session, staging: Staging, store: Store, published: list[Event]
) -> None:
    event.listen(session, "after_commit", fail, once=True)
    staging.stage(session, note("first"))
    with pytest.raises(OSError, match="not today"):
        session.commit()
    session.close()
    staging.stage(session, note("second"))
    session.commit()
    assert names(store.since("alice", 0)) == ["first", "second"]
    assert names(published)[-1:] == ["second"]


def test_bulk_statements_commit_together_with_what_is_sent(
    session: Session, staging: Staging, store: Store, published: list[Event]
) -> None:
    mapping.metadata.create_all(store.engine)
    session.execute(insert(Parcel), [{"id": 1}, {"id": 2}])
    staging.stage(session, note("a"))
    session.bulk_save_objects([Parcel(id=3)])
    session.execute(Parcel.__table__.update().values(id=Parcel.__table__.c.id + 10))
    session.commit()
    assert names(published) == ["a"]
    assert session.query(Parcel).count() == 3


def test_a_session_that_nobody_closes_is_collected(engine: Engine, staging: Staging) -> None:
    session = Session(engine)
    staging.stage(session, note("a"))
    gone = weakref.ref(session)
    del session
    gc.collect()
    assert gone() is None


def test_a_scoped_session_is_joined_wherever_it_is_used(
    engine: Engine, staging: Staging, store: Store, published: list[Event]
) -> None:
    scoped = scoped_session(sessionmaker(engine))
    staging.stage(scoped(), note("a"))
    scoped.commit()
    scoped.remove()
    assert names(published) == ["a"]


def test_two_sessions_of_a_thread_may_write_to_the_same_user(
    engine: Engine, staging: Staging, store: Store, published: list[Event]
) -> None:
    with Session(engine) as one, Session(engine) as other:
        staging.stage(one, [NewMessage("alice", "hi")])
        staging.stage(other, [NewMessage("alice", "hi"), NewMessage("bob", "hi")])
        other.commit()
        one.commit()
    assert store.badge("alice").count == 2
    assert store.audit() == []


def test_a_session_on_another_kind_of_database_says_what_to_do(
    engine: Engine, session: Session, staging: Staging, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging.stage(session, note("a"))
    monkeypatch.setattr(engine.dialect, "name", "mysql")
    with pytest.raises(StagingError, match=r"database is mysql, .* engine= of its own"):
        session.commit()
    monkeypatch.undo()
