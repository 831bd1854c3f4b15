"""A host app on each database, and programs that send to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask
import pytest
from sqlalchemy import Engine, event
from werkzeug.test import TestResponse

from notifier import MemoryPublisher, Notifier
from notifier.apikeys import ApiKeys
from notifier.operations import Event

USERS = {"alice", "bob", "carol"}

BOTH = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
"""Marks what depends on the database; everything else is tested on SQLite."""

MESSAGES = "/api/v1/messages"
NOTIFICATIONS = "/api/v1/notifications"


class Program:
    """Whoever sends over HTTP with a bearer credential."""

    def __init__(self, notifier: Notifier, credential: str) -> None:
        assert notifier.app is not None
        self._client = notifier.app.test_client()
        self._bearer = {"Authorization": f"Bearer {credential}"}

    def post(self, path: str, content: Any, key: str | None = None) -> TestResponse:
        headers = self._bearer if key is None else {**self._bearer, "Idempotency-Key": key}
        return self._client.post(path, json=content, headers=headers)

    def get(self, path: str) -> TestResponse:
        return self._client.get(path, headers=self._bearer)

    def send(self, to: Any = "alice", body: str = "hi", key: str | None = None) -> TestResponse:
        return self.post(MESSAGES, {"to": to, "body": body}, key)

    def notify(self, to: Any = "alice", data: Any = 1, key: str | None = None) -> TestResponse:
        return self.post(NOTIFICATIONS, {"to": to, "name": "order", "data": data}, key)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    name = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}
    return str(request.getfixturevalue(name[getattr(request, "param", "sqlite")]))


@pytest.fixture
def known() -> set[str]:
    """The users that the host knows."""
    return set(USERS)


@pytest.fixture
def notifier(database_url: str, known: set[str]) -> Iterator[Notifier]:
    app = flask.Flask("host")
    app.config.update(SECRET_KEY="test", DATABASE_URL=database_url)
    app.add_url_rule("/page", "page", lambda: "a page of the host")
    notifier = Notifier(app, identify=lambda: flask.session.get("user"), known=known.intersection)
    notifier.create_tables()
    yield notifier
    notifier.stop(1)
    notifier.engine.dispose()


@pytest.fixture
def keys(notifier: Notifier) -> ApiKeys:
    return ApiKeys(lambda: notifier.engine)


@pytest.fixture
def shop(notifier: Notifier, keys: ApiKeys) -> Program:
    """A program that may do everything."""
    return Program(notifier, keys.make("shop"))


@pytest.fixture
def bob(notifier: Notifier) -> Program:
    """A program that speaks for a user."""
    return Program(notifier, notifier.token("bob"))


@pytest.fixture
def events(notifier: Notifier) -> list[Event]:
    """Every event published from now on."""
    seen: list[Event] = []
    assert isinstance(notifier.publisher, MemoryPublisher)
    notifier.publisher.subscribe(seen.extend)
    return seen


def problem(answer: TestResponse) -> dict[str, Any]:
    assert answer.mimetype == "application/problem+json", answer.get_data(as_text=True)
    members: dict[str, Any] = answer.get_json(force=True)
    assert members["status"] == answer.status_code
    return members


def statements(engine: Engine) -> list[str]:
    """Every statement that is executed from now on."""
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    return seen
