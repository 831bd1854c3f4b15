"""Small host apps, each with what it had before the notifier came."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from typing import Any

import flask
from flask_socketio import SocketIO
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker
from sqlalchemy.pool import NullPool

from notifier import Notifier

BADGE = """
{% from "notifier/badge.html" import badge, scripts with context %}{{ badge() }}{{ scripts() }}
"""


def host(**config: Any) -> flask.Flask:
    """An app whose session says who is signed in, with a page that shows the badge."""
    app = flask.Flask("host")
    app.config.update({"SECRET_KEY": "a-key-of-the-tests", "DATABASE_URL": "sqlite://", **config})
    app.add_url_rule("/sign-in/<user>", "sign_in", sign_in)
    app.add_url_rule("/page", "page", lambda: flask.render_template_string(BADGE))
    return app


def sign_in(user: str) -> str:
    flask.session["user"] = user
    return "ok"


def signed_in() -> object:
    return flask.session.get("user")


def new_sessions() -> Any:
    """A scoped session on an empty database, with an engine as a host would have it."""
    folder = tempfile.mkdtemp(prefix="host-")
    engine = create_engine(f"sqlite:///{folder}/host.db", poolclass=NullPool)
    weakref.finalize(engine, shutil.rmtree, folder, True)
    return scoped_session(sessionmaker(engine))


def wired(app: flask.Flask, **given: Any) -> Notifier:
    """A notifier on ``app``, with its tables."""
    notifier = Notifier(app, **{"session": new_sessions(), "identify": signed_in, **given})
    notifier.create_tables()
    return notifier


def with_socketio(**options: Any) -> tuple[flask.Flask, SocketIO]:
    app = host()
    return app, SocketIO(app, async_mode="threading", **options)


def connected(app: flask.Flask, socketio: SocketIO, user: str | None = "alice") -> Any:
    """A client of both namespaces in the browser of a user."""
    browser = app.test_client()
    if user:
        browser.get(f"/sign-in/{user}")
    client = socketio.test_client(app, namespace="/", flask_test_client=browser)
    client.connect("/notifier")
    return client


def socketio_first() -> tuple[Notifier, SocketIO]:
    app, socketio = with_socketio()
    return wired(app, socketio=socketio), socketio
