"""Hosts on SQLite in memory, whose sessions and the notifier are on one connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.pool import StaticPool

import notifier as package
from notifier import Notifier
from notifier.errors import ConfigurationError

from .hosts import host, wired
from .test_hooks import Parcel, mapping

MAKERS: dict[str, Callable[[], Engine]] = {
    "one for each thread": lambda: sqlalchemy.create_engine("sqlite://"),
    "one for all": lambda: sqlalchemy.create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
    ),
    "ours": lambda: package.create_engine("sqlite://"),
}
Host = tuple[Notifier, Any]


@pytest.fixture(params=list(MAKERS))
def made(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A notifier and the host's session, in which a parcel is flushed."""
    engine = MAKERS[request.param]()
    mapping.metadata.create_all(engine)
    session: scoped_session[Session] = scoped_session(sessionmaker(engine))
    notifier = wired(host(), session=session)
    session.add(Parcel())
    session.flush()
    yield notifier, session
    session.remove()
    engine.dispose()


def parcels(session: Any) -> object:
    return session.scalar(select(func.count()).select_from(Parcel))


def test_a_read_leaves_the_transaction_of_the_session_alone(made: Host) -> None:
    notifier, session = made
    assert notifier.unread_count("alice") == 0
    assert [*notifier.since("alice"), *notifier.audit(), *notifier.list_messages("alice")] == []
    notifier.send("alice", "hi")
    session.commit()
    session.remove()
    assert (parcels(session), notifier.unread_count("alice")) == (1, 1)


def test_after_a_read_the_session_can_still_roll_back(made: Host) -> None:
    notifier, session = made
    assert notifier.unread_count("alice") == 0
    session.rollback()
    assert parcels(session) == 0


def test_a_poll_and_a_page_leave_it_alone(made: Host) -> None:
    notifier, session = made
    assert notifier.app is not None
    browser = notifier.app.test_client()
    browser.get("/sign-in/alice")
    assert browser.get("/page").status_code == browser.get("/notifications").status_code == 200
    session.commit()
    session.remove()
    assert parcels(session) == 1


def test_a_write_of_the_notifiers_own_waits_for_no_transaction_and_ends_none(made: Host) -> None:
    notifier, session = made
    with pytest.raises(ConfigurationError, match="commit or roll back the session first"):
        notifier.broadcast(["alice"], "hi")
    session.commit()
    session.remove()
    assert notifier.broadcast(["alice"], "hi") == 1
    assert parcels(session) == 1


def test_a_transaction_of_the_notifiers_own_can_be_read_in(made: Host) -> None:
    notifier, session = made
    session.commit()
    with notifier.transaction():
        notifier.send("alice", "hi")
        assert notifier.unread_count("alice") == 0
    assert notifier.unread_count("alice") == 1
