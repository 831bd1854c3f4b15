"""``notifier.testing``, in the tests of a host: an app with a session of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from notifier import Notifier, create_engine
from notifier.client.rule import UNREAD
from notifier.testing import Recorder, recording
from tests.support import free_port

HostSession = scoped_session[Session]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    Notifier(host(), engine=engine).create_tables()
    yield engine
    engine.dispose()


def host(**config: object) -> Flask:
    app = Flask("host")
    app.config.update(SECRET_KEY="test", **config)
    return app


@pytest.fixture
def session(engine: Engine) -> Iterator[HostSession]:
    """A session inside a transaction that is rolled back after each test."""
    with engine.connect() as connection, connection.begin() as transaction:
        factory = sessionmaker(connection, join_transaction_mode="create_savepoint")
        session = scoped_session(factory)
        yield session
        session.remove()
        transaction.rollback()


@pytest.fixture
def notifier(engine: Engine, session: HostSession) -> Iterator[Notifier]:
    notifier = Notifier(host(), session=session, engine=engine)
    yield notifier
    notifier.stop(1)


@pytest.fixture
def recorder(notifier: Notifier) -> Iterator[Recorder]:
    with recording(notifier) as recorder:
        yield recorder


def test_what_the_code_commits_was_notified_although_the_test_rolls_it_back(
    notifier: Notifier, session: HostSession, recorder: Recorder
) -> None:
    notifier.notify(7, "order", "shipped")
    recorder.assert_nobody_notified()
    session.commit()
    assert recorder.assert_notified(7, "order", "shipped").user == "7"


def test_a_session_that_the_tests_put_in_its_place_is_found(
    engine: Engine, session: HostSession
) -> None:
    in_place = [scoped_session(sessionmaker(engine))]
    notifier = Notifier(host(), session=lambda: in_place[-1], engine=engine)
    in_place.append(session)
    with recording(notifier) as recorder:
        notifier.send("alice", "hi")
        session.commit()
        recorder.assert_notified("alice", UNREAD, 1)
    notifier.stop(1)


def test_nothing_is_notified_by_what_the_code_rolls_back(
    notifier: Notifier, session: HostSession, recorder: Recorder
) -> None:
    notifier.send("alice", "hi")
    session.rollback()
    notifier.send("bob", "hi")
    session.commit()
    recorder.assert_not_notified("alice")
    recorder.assert_notified("bob", UNREAD, 1)


def test_a_follower_shows_what_was_committed_before_and_after_it_began(
    notifier: Notifier, session: HostSession, recorder: Recorder
) -> None:
    notifier.notify("alice", "before", 1)
    session.commit()
    alice = recorder.follow("alice")
    notifier.send(["alice", "bob"], "hi")
    session.commit()
    assert (alice.value("before"), alice.badge, alice.value("other")) == (1, 1, None)
    assert [event.name for event in alice.events] == ["before", UNREAD]
    assert recorder.follow("alice").badge == 1


def fails(assertion: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(AssertionError) as caught:
        assertion(*arguments)
    return str(caught.value)


@pytest.fixture
def own(sqlite_url: str) -> Iterator[Recorder]:
    """A recorder of an app whose Redis is not there."""
    url = f"redis://127.0.0.1:{free_port()}"
    notifier = Notifier(host(DATABASE_URL=sqlite_url, REDIS_URL=url))
    notifier.create_tables()
    with recording(notifier) as recorder:
        yield recorder
    notifier.stop(1)
    notifier.engine.dispose()


def notify(recorder: Recorder, user: str, name: str, data: object) -> None:
    with recorder._notifier.transaction():
        recorder._notifier.notify(user, name, data)


def test_a_failure_says_what_there_was(own: Recorder) -> None:
    notify(own, "bob", "order", "packed")
    said = fails(own.assert_notified, "bob", "order", "shipped")
    expected = "bob was not notified of order = 'shipped'. What there was:\n  bob: order = 'packed'"
    assert said == expected
    assert "Somebody was notified" in fails(own.assert_nobody_notified)
    assert "bob was notified of order" in fails(own.assert_not_notified, "bob", "order")


def test_a_failure_without_anything_asks_for_the_commit(own: Recorder) -> None:
    assert "did it?" in fails(own.assert_notified, "alice", UNREAD)


def test_nothing_goes_to_redis(own: Recorder) -> None:
    notify(own, "alice", "order", "packed")
    assert own.assert_notified("alice", "order").data == "packed"
    assert getattr(own._notifier.publisher, "depth", None) == 0


def test_data_is_compared_as_json(own: Recorder) -> None:
    notify(own, "alice", "at", (1, 2))
    own.assert_notified("alice", "at", (1, 2))
    own.assert_notified("alice", "at", [1, 2])


@pytest.mark.parametrize(("data", "other"), [(1, True), ([False], [0]), ({"a": 1}, {"a": True})])
def test_true_is_not_one(own: Recorder, data: object, other: object) -> None:
    notify(own, "alice", "at", data)
    assert "alice was not notified of at" in fails(own.assert_notified, "alice", "at", other)


def test_what_is_equal_to_the_data_without_being_json_is_found(own: Recorder) -> None:
    notify(own, "alice", "at", 1.0)
    own.assert_notified("alice", "at", 1)
    own.assert_notified("alice", "at", pytest.approx(1.0001, abs=0.01))


def test_a_follower_asks_the_app_for_what_no_push_brought(own: Recorder, sqlite_url: str) -> None:
    alice = own.follow("alice")
    elsewhere = Notifier.from_url(sqlite_url)
    with elsewhere.transaction():
        elsewhere.notify("alice", "one", 1)
    elsewhere.engine.dispose()
    assert alice.value("one") is None
    notify(own, "alice", "two", 2)
    assert (alice.value("one"), alice.value("two")) == (1, 2)


def test_a_follower_is_not_shown_what_is_for_others(own: Recorder) -> None:
    alice = own.follow("alice")
    notify(own, "bob", "order", "packed")
    assert (alice.value("order"), alice.events) == (None, [])


@pytest.mark.parametrize("mounted", [False, True])
def test_a_follower_finds_an_app_below_a_root_of_its_own(sqlite_url: str, mounted: bool) -> None:
    app = host(DATABASE_URL=sqlite_url, APPLICATION_ROOT="/shop")
    if mounted:
        app.wsgi_app = DispatcherMiddleware(NotFound(), {"/shop": app.wsgi_app})
    notifier = Notifier(app)
    notifier.create_tables()
    with recording(notifier) as recorder:
        notify(recorder, "alice", "order", "packed")
        assert recorder.follow("alice").value("order") == "packed"
    notifier.stop(1)
    notifier.engine.dispose()


def test_it_can_be_forgotten(own: Recorder) -> None:
    notify(own, "alice", "order", "packed")
    own.clear()
    own.assert_nobody_notified()


def test_afterwards_pushes_are_what_they_were(sqlite_url: str) -> None:
    notifier = Notifier(host(DATABASE_URL=sqlite_url))
    with recording(notifier):
        assert "publish" in vars(notifier.publisher)
    assert "publish" not in vars(notifier.publisher)
    assert "withheld" in vars(notifier._staging)
    notifier.stop(1)


PLUGIN_TEST = """
import flask, pytest
from notifier import Notifier

pytest_plugins = ["notifier.testing.pytest"]

@pytest.fixture
def app(tmp_path):
    app = flask.Flask("host")
    app.config.update(SECRET_KEY="test", DATABASE_URL=f"sqlite:///{tmp_path}/host.db")
    notifier = Notifier(app)
    notifier.create_tables()
    yield app
    notifier.engine.dispose()

def test_it(app, notifications):
    notifier = app.extensions["notifier"]
    with notifier.transaction():
        notifier.notify("alice", "order", "shipped")
    notifications.assert_notified("alice", "order", "shipped")
"""


def test_the_plugin_offers_a_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_host.py").write_text(PLUGIN_TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env)
    assert "1 passed" in done.stdout, done.stdout
