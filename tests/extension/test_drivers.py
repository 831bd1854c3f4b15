"""Engines of a host that are not as ours: another driver, another way to read JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any

import flask
import pytest
from sqlalchemy import Engine, create_engine

from notifier import Notifier
from notifier.idempotency import Idempotency, Request

DECIMALS = {"json_deserializer": partial(json.loads, parse_float=Decimal)}


def engine_of(request: pytest.FixtureRequest, driver: str, **options: Any) -> Engine:
    if driver == "sqlite":
        folder = request.getfixturevalue("tmp_path")
        return create_engine(f"sqlite:///{folder}/host.db", **options)
    url = request.getfixturevalue("postgres_url").replace("+psycopg2", f"+{driver}")
    return create_engine(url, **options)


@pytest.fixture(params=["sqlite", "psycopg2", "psycopg"])
def host(request: pytest.FixtureRequest) -> Iterator[Notifier]:
    """A host that reads fractions in JSON as decimals, on each of the drivers."""
    app = flask.Flask("host")
    app.config.update(SECRET_KEY="x" * 20)
    notifier = Notifier(app, engine=(engine := engine_of(request, request.param, **DECIMALS)))
    notifier.create_tables()
    yield notifier
    notifier.stop(1)
    notifier.engine.dispose()
    engine.dispose()


def client_of(host: Notifier) -> tuple[Any, dict[str, str]]:
    assert host.app is not None
    return host.app.test_client(), {"Authorization": f"Bearer {host.token('alice')}"}


def test_a_request_with_a_key_is_carried_out_once_and_answered_each_time(host: Notifier) -> None:
    client, headers = client_of(host)
    headers["Idempotency-Key"] = "k"
    message = {"to": "bob", "body": "hi"}
    answers = [client.post("/api/v1/messages", json=message, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].data == answers[1].data != b""
    assert host.unread_count("bob") == 1


def test_a_driver_that_counts_no_rows_is_found_out_and_nothing_is_written(
    host: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def uncounted(*_args: object) -> bool:
        claim(*_args)
        return False

    from notifier import idempotency

    claim = idempotency._claim
    monkeypatch.setattr(idempotency, "_claim", uncounted)
    requests = Idempotency(lambda: host.store)
    with pytest.raises(RuntimeError, match="does not count rows"):
        requests.commit(Request("key:1", "k", "f"), [], 201, lambda _: "{}")
    monkeypatch.undo()
    assert requests.replay(Request("key:1", "k", "f")) is None


def test_data_is_what_was_told_however_the_host_reads_json(host: Notifier) -> None:
    client, headers = client_of(host)
    for _ in range(2):
        with host.transaction():
            host.notify("alice", "price", {"each": 1.5})
    [event] = client.get("/notifications", headers=headers).json
    assert event["data"] == {"each": 1.5}
    assert host.audit() == []


def test_the_same_data_told_again_is_no_event(host: Notifier) -> None:
    heads = []
    for _ in range(2):
        with host.transaction():
            host.notify("alice", "price", 1.5)
        heads.append(host.head("alice"))
    assert heads[0] == heads[1]
