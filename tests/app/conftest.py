"""The reference app on a SQLite file of the test's own, and people who use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from notifier import Notifier
from notifier.app import create_app
from tests.app.visitor import PASSWORD, Visitor

MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeApp]:
    """A function that makes the app with its tables; keywords are config."""
    for key in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY"):
        monkeypatch.delenv(key, raising=False)
    made: list[Notifier] = []

    def make(**config: object) -> Flask:
        app = create_app(tmp_path / "instance", {"SECRET_KEY": "a test's key", **config})
        notifier = app.extensions["notifier"]
        made.append(notifier)
        notifier.create_tables()
        return app

    yield make
    for notifier in made:
        notifier.engine.dispose()


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app()


@pytest.fixture
def notifier(app: Flask) -> Notifier:
    found: Notifier = app.extensions["notifier"]
    return found


@pytest.fixture
def send(notifier: Notifier) -> Callable[..., None]:
    """A function that sends a message from outside the app, and commits."""

    def send(to: str | list[str], body: str, sender: str | None = None) -> None:
        with notifier.transaction():
            notifier.send(to, body, sender=sender)

    return send


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Somebody who is not signed in."""
    return Visitor(app)


@pytest.fixture
def alice(app: Flask) -> Visitor:
    """Registered, and signed in."""
    alice = Visitor(app)
    alice.submit("/register", username="alice", password=PASSWORD)
    return alice


@pytest.fixture
def bob(app: Flask) -> Visitor:
    bob = Visitor(app)
    bob.submit("/register", username="bob", password=PASSWORD)
    return bob
