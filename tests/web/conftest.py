"""A small host app with the notifier in it, and its test client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from notifier import MemoryPublisher, Notifier
from notifier.operations import Event

USERS = {"alice", "bob", "carol"}

Host = Callable[..., Notifier]


@pytest.fixture
def host(sqlite_url: str) -> Iterator[Host]:
    """A function that makes a host app: its session says who is signed in."""
    made: list[Notifier] = []

    def make(**config: Any) -> Notifier:
        app = flask.Flask("host")
        app.config.update({"SECRET_KEY": "test", "DATABASE_URL": sqlite_url, **config})
        app.add_url_rule("/sign-in/<user>", "sign_in", sign_in)
        notifier = Notifier(
            app, identify=lambda: flask.session.get("user"), known=USERS.intersection
        )
        if notifier.engine.dialect.name == "sqlite":
            notifier.create_tables()
        made.append(notifier)
        return notifier

    yield make
    for notifier in made:
        notifier.stop(1)
        notifier.engine.dispose()


def sign_in(user: str) -> str:
    flask.session["user"] = user
    flask.session.permanent = True
    return "ok"


@pytest.fixture
def notifier(host: Host) -> Notifier:
    return host()


@pytest.fixture
def events(notifier: Notifier) -> list[Event]:
    """Every event published from now on."""
    seen: list[Event] = []
    assert isinstance(notifier.publisher, MemoryPublisher)
    notifier.publisher.subscribe(seen.extend)
    return seen


def client_of(notifier: Notifier, user: str | None = None) -> FlaskClient:
    assert notifier.app is not None
    client = notifier.app.test_client()
    if user is not None:
        client.get(f"/sign-in/{user}")
    return client


@pytest.fixture
def alice(notifier: Notifier) -> FlaskClient:
    return client_of(notifier, "alice")


@pytest.fixture
def bob(notifier: Notifier) -> FlaskClient:
    return client_of(notifier, "bob")
