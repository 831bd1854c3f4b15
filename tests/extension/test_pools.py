"""Requests that hold a connection of the host's do not wait for another one of the same pool."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from sqlalchemy import Engine, StaticPool, create_engine, event, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.pool import NullPool, Pool, QueuePool, SingletonThreadPool

from notifier import Notifier
from notifier.hostengine import beside

PLACES = 2
PAGE = '{% from "notifier/badge.html" import badge with context %}{{ badge() }}'


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A host's engine, all of whose connections are soon in use."""
    engine = create_engine(database_url, pool_size=PLACES, max_overflow=0, pool_timeout=1)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> Iterator[scoped_session[Session]]:
    sessions = scoped_session(sessionmaker(engine))
    yield sessions
    sessions.remove()


def host(sessions: scoped_session[Session], **options: Any) -> tuple[flask.Flask, Notifier]:
    """A host that asks its database who is signed in, and does so for all its requests at once."""
    app = flask.Flask("host")
    app.config.update(SECRET_KEY="x" * 20)
    everybody = threading.Barrier(PLACES)

    def identify() -> str:
        if not flask.g.get("known"):
            sessions.execute(text("SELECT 1"))
            everybody.wait(30)
            flask.g.known = True
        return "alice"

    notifier = Notifier(app, session=sessions, identify=identify, **options)
    app.add_url_rule("/page", view_func=lambda: flask.render_template_string(PAGE))
    app.teardown_appcontext(lambda _: sessions.remove())
    notifier.create_tables()
    sessions.remove()
    return app, notifier


def all_at_once(app: flask.Flask, method: str, path: str, **options: Any) -> list[int]:
    found: list[int] = []

    def ask() -> None:
        found.append(app.test_client().open(path, method=method, **options).status_code)

    threads = [threading.Thread(target=ask) for _ in range(PLACES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


MESSAGE = {"to": "bob", "body": "hi"}
CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "poll": ("GET", "/notifications", {}),
    "badge": ("GET", "/page", {}),
    "send": ("POST", "/api/v1/messages", {"json": MESSAGE}),
    "read": ("POST", "/api/v1/messages/read", {"json": {"up_to": 0}}),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("given", [False, True])
def test_as_many_requests_as_the_pool_has_places_are_answered(
    sessions: scoped_session[Session], engine: Engine, call: str, given: bool
) -> None:
    app, notifier = host(sessions, **({"engine": engine} if given else {}))
    method, path, options = CALLS[call]
    assert {code // 100 for code in all_at_once(app, method, path, **options)} == {2}
    notifier.stop(1)
    notifier.engine.dispose()


def test_an_engine_of_the_notifiers_alone_is_used_as_it_is(
    sessions: scoped_session[Session], database_url: str
) -> None:
    alone = create_engine(database_url)
    _, notifier = host(sessions, engine=alone)
    assert notifier.engine is alone
    alone.dispose()


def test_events_of_the_host_are_called_for_our_connections_too(engine: Engine) -> None:
    seen: list[str] = []
    event.listen(engine, "connect", lambda *_: seen.append("connect"))
    ours = beside(engine)
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    with ours.connect() as connection:
        connection.execute(text("SELECT 1"))
    ours.dispose()
    assert seen[0] == "connect"
    assert "SELECT 1" in seen


def test_our_connections_are_closed_with_the_hosts(engine: Engine) -> None:
    ours = beside(engine)
    with ours.connect(), engine.connect():
        pass
    before: Any = ours.pool
    engine.dispose()
    assert (before.checkedin(), ours.pool is before) == (0, False)
    assert ours.pool is not engine.pool


def test_disposing_of_ours_leaves_the_hosts_alone(engine: Engine) -> None:
    ours = beside(engine)
    with ours.connect(), engine.connect():
        pass
    before: Any = engine.pool
    ours.dispose()
    assert (before.checkedin(), engine.pool is before) == (1, True)


@pytest.mark.parametrize("disposed", ["the first", "the derived"])
def test_our_connections_are_closed_with_those_of_an_engine_made_from_another(
    engine: Engine, disposed: str
) -> None:
    derived = engine.execution_options(some=1)
    ours = beside(derived)
    with ours.connect():
        pass
    before: Any = ours.pool
    (engine if disposed == "the first" else derived).dispose()
    assert (before.checkedin(), ours.pool is before) == (0, False)


def test_a_forked_process_that_made_its_own_closes_them_with_the_hosts(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = beside(engine)
    here = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: here + 1)
    parents: Any = ours.pool
    engine.dispose(close=False)
    assert ours.pool is parents
    ours.dispose(close=False)
    with ours.connect():
        pass
    engine.dispose()
    pool: Any = ours.pool
    assert pool.checkedin() == 0


def test_two_notifiers_on_a_hosts_database_dispose_of_their_own(engine: Engine) -> None:
    one, other = beside(engine), beside(engine)
    with other.connect():
        pass
    one.dispose()
    pool: Any = other.pool
    assert pool.checkedin() == 1
    other.dispose()


def test_the_only_connection_to_a_database_in_memory_is_shared() -> None:
    engine = create_engine("sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0)
    assert beside(engine) is engine
    engine.dispose()


MakePool = Callable[[Path], Engine]


@pytest.mark.parametrize("pool", [NullPool, StaticPool, SingletonThreadPool])
def test_a_pool_for_which_nobody_waits_is_shared(tmp_path: Path, pool: type[Pool]) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/host.db", poolclass=pool)
    assert beside(engine) is engine
    engine.dispose()
