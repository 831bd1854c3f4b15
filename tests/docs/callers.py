"""Calls what a page defines and does not call itself: its views, hooks, handlers and functions.

Which of them there are is measured: a line that never ran fails the page (lines.py).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flask
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, select

from notifier import Notifier
from tests.docs.story import Story, end_of_database
from tests.support import ROOT, free_port


def call_what_is_left(story: Story, page: Path) -> None:
    """After the last block: everything that waits for a request, an event or a caller."""
    with story.lines.watching():
        for app in apps(story):
            identified(app)
        if page in CALLERS:
            CALLERS[page](story)


def apps(story: Story) -> list[flask.Flask]:
    """The apps of a page that have a notifier."""
    found = {id(names.get("app")): names.get("app") for names in story.ends}
    return [app for app in found.values() if app is not None and "notifier" in app.extensions]


def identified(app: flask.Flask) -> None:
    """A browser polls, so the app is asked who it is."""
    assert app.test_client().get("/notifications").status_code in {200, 302, 401}


def adoption(story: Story) -> None:
    bought(story.files["shop.py"])
    made(story.files["factory.py"])
    connected(story.files["chat.py"])
    only_members(story.files["chat.py"]["app"])


def bought(shop: dict[str, Any]) -> None:
    """Who signs in sees a badge, and who orders gets a message; ids are of the app."""
    shop["notifier"].create_tables()
    client = shop["app"].test_client()
    assert "data-notifier-badge" in client.get("/login/7").text
    assert client.post("/orders/7").text == "ordered"
    assert shop["notifier"].list_messages(7)[0].body == "Thank you for your order."

    app = flask.Flask("known")
    app.config.update(SECRET_KEY="of-the-tests-only", DATABASE_URL="sqlite://")
    notifier = Notifier(app, known=shop["known"])
    notifier.create_tables()
    bearer = {"Authorization": f"Bearer {notifier.token(7)}"}
    answers = [
        app.test_client().post("/api/v1/messages", json={"to": to, "body": "hi"}, headers=bearer)
        for to in ("8", "eight")
    ]
    assert [one.status_code for one in answers] == [201, 404]
    notifier.engine.dispose()


def made(factory: dict[str, Any]) -> None:
    """The factory makes an app in which a module sends by `current_notifier`."""
    app = factory["create_app"]()
    notifier = app.extensions["notifier"]
    with app.app_context():
        notifier.create_tables()
        factory["ship"](SimpleNamespace(user_id=7))
        assert [event.data for event in notifier.since(7)] == ["shipped"]
        client = app.test_client()
        with client.session_transaction() as session:
            session["user_id"] = 7
        assert [one["data"] for one in client.get("/notifications").json] == ["shipped"]
    notifier.stop(1)
    end_of_database(app)


def connected(chat: dict[str, Any]) -> None:
    """The host's own handler answers in the host's own namespace."""
    client = chat["socketio"].test_client(chat["app"])
    assert [one["args"] for one in client.get_received()] == [["yours, as before"]]
    client.disconnect()


def only_members(app: flask.Flask) -> None:
    """A stranger is sent to the form, but a program gets its answer."""
    client = app.test_client()
    assert client.get("/").headers["Location"] == "/login"
    assert client.get("/healthz").status_code == 200


def handmade(story: Story) -> None:
    """With users and tasks in the tables, numbers are told; the first time and with each task."""
    names = story.names
    with names["app"].app_context():
        names["db"].session.add(names["User"](id=1))
        names["db"].session.commit()
        story.tell_again("for user_id in")
        assert story.names["notifier"].since(1)[-1].data == 0
        names["add_task"](1)
        (event,) = names["notifier"].since(1)
        assert (event.name, event.data) == (story.window.name, 1)
        assert names["db"].session.scalars(select(names["Task"].user_id)).all() == [1]


def migrations(story: Story) -> None:
    """Alembic runs the function of the environment, and then finds nothing to drop."""
    scripts = story.folder / "alembic"
    (scripts / "versions").mkdir(parents=True)
    config = Config()
    config.set_main_option("script_location", str(scripts))
    proposed: list[Any] = []

    def look(_revision: object, context: MigrationContext) -> list[Any]:
        proposed.append(compare_metadata(context, story.names["db"].metadata))
        return []

    environment = EnvironmentContext(config, ScriptDirectory.from_config(config), fn=look)
    engine = create_engine(f"sqlite:///{story.folder / 'host.db'}")
    with engine.connect() as connection:
        for _ in range(2):
            with environment:
                story.names["run_migrations"](connection)
        assert "notifier_version" in inspect(connection).get_table_names()
    engine.dispose()
    assert proposed == [[], []]


def producers(story: Story) -> None:
    """The server is not there: it is asked five times, with a pause after each."""
    pauses: list[int] = []
    story.names["site"] = f"http://127.0.0.1:{free_port()}"
    story.names["time"] = SimpleNamespace(sleep=pauses.append)
    with pytest.raises(TimeoutError):
        story.names["send"]("alice", "Nobody hears it.", once="order-17-lost")
    assert pauses == [1, 2, 4, 8, 0]


CALLERS: dict[Path, Callable[[Story], None]] = {
    ROOT / "docs" / "adoption.md": adoption,
    ROOT / "docs" / "from-a-handmade-badge.md": handmade,
    ROOT / "docs" / "migrations.md": migrations,
    ROOT / "docs" / "producers.md": producers,
}
