"""Sessions on a connection of somebody else, as test suites have them, and two-phase commits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from notifier.database import create_engine
from notifier.errors import StagingError
from notifier.models import notifications
from notifier.operations import Event, SetNotification
from notifier.publisher import MemoryPublisher
from notifier.staging import Staging
from notifier.store import Store


def note(name: str) -> list[SetNotification]:
    return [SetNotification("alice", name, 1)]


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events]


COUNT = select(func.count()).select_from(notifications)
MODES = ["conditional_savepoint", "rollback_only", "create_savepoint"]


@pytest.mark.parametrize("mode", MODES)
def test_the_owner_of_the_connection_takes_it_back(
    engine: Engine, staging: Staging, store: Store, published: list[Event], mode: str
) -> None:
    with engine.connect() as connection, connection.begin() as outer:
        with Session(connection, join_transaction_mode=mode) as session:  # type: ignore[arg-type]
            staging.stage(session, note("a"))
            session.commit()
            assert session.scalar(COUNT) == 1
        outer.rollback()
    assert published == store.since("alice", 0) == []


@pytest.mark.parametrize("mode", MODES)
def test_the_owner_of_the_connection_lets_it_stand(
    engine: Engine, staging: Staging, store: Store, published: list[Event], mode: str
) -> None:
    with engine.begin() as connection:
        with Session(connection, join_transaction_mode=mode) as session:  # type: ignore[arg-type]
            staging.stage(session, note("a"))
            session.commit()
        assert published == []
    assert names(store.since("alice", 0)) == ["a"]


def test_a_session_in_full_control_commits_and_publishes(
    engine: Engine, staging: Staging, store: Store, published: list[Event]
) -> None:
    with engine.connect() as connection:
        connection.begin()
        with Session(connection, join_transaction_mode="control_fully") as session:
            staging.stage(session, note("a"))
            session.commit()
    assert names(published) == names(store.since("alice", 0)) == ["a"]


@pytest.mark.parametrize("mode", MODES)
def test_a_rollback_inside_takes_back_its_own_part_alone(
    engine: Engine, staging: Staging, store: Store, mode: str
) -> None:
    with engine.connect() as connection, connection.begin() as outer:
        with Session(connection, join_transaction_mode=mode) as session:  # type: ignore[arg-type]
            staging.stage(session, note("a"))
            session.rollback()
        if outer.is_active:
            outer.commit()
    assert store.since("alice", 0) == []


@pytest.fixture
def on_postgres(postgres_url: str) -> Iterator[Engine]:
    engine = create_engine(postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture
def two_phase(on_postgres: Engine, publisher: MemoryPublisher) -> Iterator[Session]:
    Store(on_postgres, publisher).create_tables()
    with Session(on_postgres, twophase=True) as session:
        yield session


def test_what_is_prepared_is_pushed_when_it_is_committed(
    two_phase: Session, publisher: MemoryPublisher, published: list[Event]
) -> None:
    Staging(publisher).stage(two_phase, note("a"))
    two_phase.prepare()
    assert published == []
    two_phase.commit()
    assert names(published) == ["a"]


def test_what_is_prepared_and_rolled_back_is_gone(
    two_phase: Session, publisher: MemoryPublisher, published: list[Event]
) -> None:
    staging = Staging(publisher)
    staging.stage(two_phase, note("a"))
    two_phase.prepare()
    two_phase.rollback()
    staging.stage(two_phase, note("b"))
    two_phase.commit()
    assert names(published) == ["b"]


def test_a_prepared_transaction_takes_nothing_more(
    two_phase: Session, publisher: MemoryPublisher
) -> None:
    staging = Staging(publisher)
    staging.stage(two_phase, note("a"))
    two_phase.prepare()
    with pytest.raises(StagingError, match="carries nothing more"):
        staging.stage(two_phase, note("b"))
    two_phase.rollback()


def test_a_server_that_prepares_nothing_refuses_and_nothing_is_pushed(
    two_phase: Session, on_postgres: Engine, publisher: MemoryPublisher, published: list[Event]
) -> None:
    @event.listens_for(on_postgres, "prepare_twophase")
    def refuse(_connection: object, _xid: object) -> None:
        raise DBAPIError("PREPARE TRANSACTION", None, Exception("prepared ones are disabled"))

    Staging(publisher).stage(two_phase, note("a"))
    with pytest.raises(DBAPIError, match="disabled"):
        two_phase.commit()
    two_phase.rollback()
    assert published == []
