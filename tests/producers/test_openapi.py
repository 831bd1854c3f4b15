"""The description of the API: complete, and true."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest

from notifier import Notifier
from tests.producers.fuzz import run

Describe = Callable[..., dict[str, Any]]


@pytest.fixture
def describe(sqlite_url: str) -> Iterator[Describe]:
    """A function that makes an app with the given settings, and returns its description."""
    made: list[Notifier] = []

    def make(prefix: str = "", **config: Any) -> dict[str, Any]:
        app = flask.Flask("host")
        app.config.update(SECRET_KEY="test", DATABASE_URL=sqlite_url, **config)
        made.append(Notifier(app))
        environ = {"SCRIPT_NAME": prefix}
        path = f"{config.get('NOTIFIER_URL_PREFIX', '')}/api/v1/openapi.json"
        answer = app.test_client().get(path, environ_overrides=environ)
        assert answer.status_code == 200
        return dict(answer.json)

    yield make
    for notifier in made:
        notifier.stop(1)


def test_the_api_answers_as_it_is_described() -> None:
    done = run(8)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_route_is_described(describe: Describe, sqlite_url: str) -> None:
    app = flask.Flask("host")
    app.config.update(SECRET_KEY="test", DATABASE_URL=sqlite_url)
    Notifier(app).stop(1)
    routes = {
        (rule.rule, method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("notifier.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.arguments
    }
    paths = describe()["paths"]
    assert routes == {(path, method) for path in paths for method in paths[path]}


def test_every_reference_leads_somewhere(describe: Describe) -> None:
    document = describe()
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)))
    assert len(references) > 10
    for reference in references:
        place: Any = document
        for step in reference.split("/"):
            place = place[step]


def test_the_limits_are_those_of_the_settings(describe: Describe) -> None:
    schemas = describe(NOTIFIER_MAX_BODY=7, NOTIFIER_MAX_RECIPIENTS=3)["components"]["schemas"]
    message = schemas["NewMessage"]["properties"]
    assert message["body"]["maxLength"] == 7
    assert message["to"]["anyOf"][-1]["maxItems"] == 3


def test_the_metrics_are_described_as_they_are_guarded(describe: Describe) -> None:
    def metrics(access: str) -> Any:
        return describe(NOTIFIER_METRICS=access)["paths"].get("/metrics")

    assert metrics("off") is None
    assert "403" in metrics("on")["get"]["responses"]
    assert metrics("a-token-of-16-or-more")["get"]["security"] == [{"metricsToken": []}]


@pytest.mark.parametrize("users_send", ["on", "off"])
def test_who_may_send_is_described_as_it_is(describe: Describe, users_send: str) -> None:
    send = describe(NOTIFIER_USERS_SEND=users_send)["paths"]["/api/v1/messages"]["post"]
    assert ({"session": []} in send["security"]) is (users_send == "on")
    assert ({"userToken": []} in send["security"]) is (users_send == "on")
    assert {"apiKey": []} in send["security"]
    assert ("A user sends" in send["description"]) is (users_send == "on")


@pytest.mark.parametrize("path", ["/api/v1/openapi.json", "/api/v1/docs"])
def test_a_host_may_keep_the_description_to_itself(sqlite_url: str, path: str) -> None:
    app = flask.Flask("host")
    app.config.update(SECRET_KEY="test", DATABASE_URL=sqlite_url, NOTIFIER_API_DOCS="off")
    Notifier(app).stop(1)
    assert app.test_client().get(path).status_code == 404


def test_the_server_is_where_the_app_is_mounted(describe: Describe) -> None:
    assert describe()["servers"] == [{"url": "/"}]
    assert describe("/below")["servers"] == [{"url": "/below"}]
    assert describe("/below", NOTIFIER_URL_PREFIX="/n")["servers"] == [{"url": "/below/n"}]
