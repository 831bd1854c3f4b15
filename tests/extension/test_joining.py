"""Whose transaction is joined, and what is left alone while that is found out."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.orm import scoped_session, sessionmaker

from notifier import Notifier, StagingError

Hand = Callable[[Callable[[], None]], None]


@pytest.fixture(autouse=True)
def disposed() -> Iterator[None]:
    """Dispose of every engine that a test has used, whoever made it."""
    used: set[Engine] = set()

    def note(connection: Connection) -> None:
        used.add(connection.engine)

    event.listen(Engine, "engine_connect", note)
    yield
    event.remove(Engine, "engine_connect", note)
    for engine in used:
        engine.dispose()


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A database with the notifier's tables and one of a host's."""
    engine = create_engine(url := f"sqlite:///{tmp_path}/host.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders (id INTEGER PRIMARY KEY)"))
    script = Notifier.from_url(url)
    script.create_tables()
    script.engine.dispose()
    engine.dispose()
    return url


@pytest.fixture(params=["scoped session", "Flask-SQLAlchemy"])
def host(request: pytest.FixtureRequest, database: str) -> Iterator[tuple[flask.Flask, Any]]:
    """A host whose session is removed at the end of each context of its app."""
    app = flask.Flask("host")
    app.config.update(SECRET_KEY="x" * 20, SQLALCHEMY_DATABASE_URI=database)
    if request.param == "Flask-SQLAlchemy":
        yield app, SQLAlchemy(app).session
        return
    engine = create_engine(database)
    session = scoped_session(sessionmaker(engine))
    app.teardown_appcontext(lambda _: session.remove())
    yield app, session
    engine.dispose()


FIRST_USES: dict[str, Callable[[Notifier], object]] = {
    "count": lambda notifier: notifier.unread_count(1),
    "engine": lambda notifier: notifier.engine,
    "badge": lambda _: flask.render_template_string(
        '{% from "notifier/badge.html" import badge with context %}{{ badge() }}'
    ),
}


@pytest.mark.parametrize("use", FIRST_USES)
def test_the_first_use_in_a_request_leaves_the_hosts_transaction_alone(
    host: tuple[flask.Flask, Any], use: str
) -> None:
    app, session = host
    notifier = Notifier(app, session=session, identify=lambda: 1)

    @app.post("/order")
    def order() -> str:
        session.execute(text("INSERT INTO orders (id) VALUES (NULL)"))
        notifier.send(1, "thanks")
        FIRST_USES[use](notifier)
        session.commit()
        return str(session.execute(text("SELECT count(*) FROM orders")).scalar())

    assert app.test_client().post("/order").text == "1"
    assert notifier.unread_count(1) == 1


def test_the_first_use_in_the_context_of_another_app_is_on_its_own_database(
    tmp_path: Path,
) -> None:
    db = SQLAlchemy()
    made = []
    for name in ("one", "other"):
        app = flask.Flask(name)
        url = f"sqlite:///{tmp_path}/{name}.db"
        app.config.update(SECRET_KEY="x" * 20, SQLALCHEMY_DATABASE_URI=url)
        db.init_app(app)
        made.append((app, Notifier(app, session=db.session)))
    (_, one), (other, _) = made
    with other.app_context():
        assert str(one.engine.url).endswith("/one.db")


@pytest.mark.parametrize("error", [RuntimeError, AttributeError, KeyError])
def test_a_session_that_is_there_in_requests_only_says_so(error: type[Exception]) -> None:
    def current() -> Any:
        raise error("db")

    app = flask.Flask("host")
    app.config.update(SECRET_KEY="x" * 20)
    notifier = Notifier(app, session=current)
    with pytest.raises(StagingError, match="engine="):
        notifier.unread_count("alice")


def run_in_a_copy(function: Callable[[], None]) -> None:
    contextvars.copy_context().run(function)


def run_in_a_thread(function: Callable[[], None]) -> None:
    context = contextvars.copy_context()
    thread = threading.Thread(target=lambda: context.run(function))
    thread.start()
    thread.join(10)


def asked(notifier: Notifier, errors: list[str]) -> None:
    try:
        notifier.send("alice", "late")
    except StagingError as error:
        errors.append(str(error))


def test_a_copy_of_the_context_does_not_outlive_the_transaction(database: str) -> None:
    notifier, errors = Notifier.from_url(database), list[str]()
    with notifier.transaction():
        context = contextvars.copy_context()
    context.run(asked, notifier, errors)
    assert "no transaction to join" in errors[0]


def test_a_thread_that_was_handed_the_context_has_no_part_in_the_transaction(
    database: str,
) -> None:
    notifier, errors = Notifier.from_url(database), list[str]()
    with notifier.transaction():
        run_in_a_thread(lambda: asked(notifier, errors))
        run_in_a_copy(lambda: notifier.send("alice", "in time"))
    assert "no transaction to join" in errors[0]
    assert [one.body for one in notifier.list_messages("alice")] == ["in time"]


def test_a_task_that_goes_on_after_the_transaction_has_no_part_in_it(database: str) -> None:
    notifier, errors = Notifier.from_url(database), list[str]()

    async def main() -> None:
        over = asyncio.Event()

        async def later() -> None:
            await over.wait()
            asked(notifier, errors)

        with notifier.transaction():
            task = asyncio.create_task(later())
        over.set()
        await task

    # Playwright, if its tests came before, has a loop in this thread.
    run_in_a_thread(lambda: asyncio.run(main()))
    assert "no transaction to join" in errors[0]
