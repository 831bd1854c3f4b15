"""The messages API: sending, who may, and what it refuses."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from flask.json.provider import DefaultJSONProvider
from flask.testing import FlaskClient
from werkzeug.middleware.proxy_fix import ProxyFix

from notifier import Notifier
from notifier.apikeys import ApiKeys
from notifier.operations import Event
from tests.web.calls import MESSAGES, READ, problem, send
from tests.web.conftest import Host, client_of


def test_a_message_is_sent_and_pushed(
    notifier: Notifier, bob: FlaskClient, events: list[Event]
) -> None:
    answer = send(bob)
    [message] = answer.json["messages"]
    assert answer.status_code == 201
    assert message["to"] == "alice"
    assert message["timestamp"] < notifier.head("alice")
    assert [(event.user, event.data) for event in events] == [("alice", 1)]


def test_several_recipients_get_one_message_each(notifier: Notifier, bob: FlaskClient) -> None:
    sent = send(bob, ["alice", "carol", "alice"]).json["messages"]
    assert [one["to"] for one in sent] == ["alice", "carol"]
    assert notifier.unread_count("alice") == notifier.unread_count("carol") == 1


def test_the_sender_is_who_is_signed_in(notifier: Notifier, bob: FlaskClient) -> None:
    send(bob)
    assert notifier.list_messages("alice")[0].sender == "bob"


def test_nobody_sends_as_somebody_else(notifier: Notifier, bob: FlaskClient) -> None:
    answer = bob.post(MESSAGES, json={"to": "alice", "body": "hi", "from": "carol"})
    assert (answer.status_code, problem(answer)["field"]) == (403, "from")
    assert notifier.unread_count("alice") == 0


class Odd(DefaultJSONProvider):
    """The JSON of a host that puts answers into an envelope and takes fractions for text."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return super().dumps({"host": obj}, **kwargs)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return super().loads(s, parse_float=str, **kwargs)


def test_an_error_is_spelt_alike_whatever_the_hosts_json_is(notifier: Notifier) -> None:
    assert notifier.app is not None
    notifier.app.json = Odd(notifier.app)
    assert problem(client_of(notifier).get(MESSAGES))["status"] == 401


def test_a_request_is_read_alike_whatever_the_hosts_json_is(
    notifier: Notifier, bob: FlaskClient
) -> None:
    assert notifier.app is not None
    notifier.app.json = Odd(notifier.app)
    answer = bob.post(READ, data='{"up_to": 1.5}', content_type="application/json")
    assert answer.status_code == 200


@pytest.mark.parametrize("shown", ["cookie", "token"])
def test_where_users_do_not_send_they_are_refused_and_only_read(host: Host, shown: str) -> None:
    notifier = host(NOTIFIER_USERS_SEND="off")
    client = client_of(notifier, "bob" if shown == "cookie" else None)
    if shown == "token":
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {notifier.token('bob')}"
    answer = send(client)
    assert (answer.status_code, "API key" in problem(answer)["detail"]) == (403, True)
    assert notifier.unread_count("alice") == 0
    assert client.get(MESSAGES).status_code == 200
    assert client.post(READ, json={"ids": []}).status_code == 200


def test_where_users_do_not_send_programs_do(host: Host) -> None:
    notifier = host(NOTIFIER_USERS_SEND="off")
    key = ApiKeys(lambda: notifier.engine).make("shop")
    headers = {"Authorization": f"Bearer {key}"}
    content = {"to": "alice", "body": "hi"}
    assert client_of(notifier).post(MESSAGES, json=content, headers=headers).status_code == 201


BAD_BODIES = [
    ({"body": "hi"}, "to", 422),
    ({"to": "alice"}, "body", 422),
    ({"to": "alice", "body": ""}, "body", 422),
    ({"to": "alice", "body": "  \n"}, "body", 422),
    ({"to": "alice", "body": 5}, "body", 422),
    ({"to": "alice", "body": "x" * 4001}, "body", 422),
    ({"to": "alice", "body": "nul \x00"}, "body", 422),
    ({"to": "alice", "body": "lone \ud800"}, "body", 422),
    ({"to": 1.5, "body": "hi"}, "to", 422),
    ({"to": None, "body": "hi"}, "to", 422),
    ({"to": [], "body": "hi"}, "to", 422),
    ({"to": {"alice": 1}, "body": "hi"}, "to", 422),
    ({"to": [["alice"]], "body": "hi"}, "to", 422),
    ({"to": "", "body": "hi"}, "to", 422),
    ({"to": "x" * 65, "body": "hi"}, "to", 422),
    ({"to": "a\x00", "body": "hi"}, "to", 422),
    ({"to": "nobody", "body": "hi"}, "to", 404),
    ({"to": ["alice", "nobody"], "body": "hi"}, "to", 404),
    ({"to": "alice", "body": "hi", "urgent": True}, "urgent", 422),
]


@pytest.mark.parametrize(("content", "field", "status"), BAD_BODIES)
def test_a_bad_field_is_named_and_nothing_is_written(
    notifier: Notifier, bob: FlaskClient, content: object, field: str, status: int
) -> None:
    answer = bob.post(MESSAGES, json=content)
    assert (answer.status_code, problem(answer)["field"]) == (status, field)
    assert notifier.unread_count("alice") == 0


BAD_JSON = [b"", b"{", b"[]", b'"text"', b"null", b"\xff\xfe\x00", b"[" * 100_000, b"1" * 5_000]


@pytest.mark.parametrize("content", BAD_JSON, ids=range(len(BAD_JSON)))
def test_what_is_no_json_object_is_a_400(bob: FlaskClient, content: bytes) -> None:
    answer = bob.post(MESSAGES, data=content, content_type="application/json")
    assert problem(answer)["status"] == 400


def test_a_huge_request_is_a_413(bob: FlaskClient) -> None:
    answer = bob.post(MESSAGES, json={"to": "alice", "body": "x" * 3_000_000})
    assert problem(answer)["status"] == 413


def test_the_longest_body_is_a_setting(host: Host) -> None:
    bob = client_of(host(NOTIFIER_MAX_BODY=5), "bob")
    assert send(bob, body="12345").status_code == 201
    assert problem(send(bob, body="123456"))["field"] == "body"


def test_a_foreign_page_cannot_write_for_a_signed_in_user(
    notifier: Notifier, bob: FlaskClient
) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = bob.post(MESSAGES, json={"to": "alice", "body": "hi"}, headers=headers)
    assert problem(answer)["status"] == 403
    assert notifier.unread_count("alice") == 0


def test_the_own_page_and_an_allowed_one_can(host: Host) -> None:
    bob = client_of(host(NOTIFIER_ALLOWED_ORIGINS="https://a.example"), "bob")
    for origin in ("http://localhost", "https://a.example"):
        answer = bob.post(MESSAGES, json={"to": "alice", "body": "hi"}, headers={"Origin": origin})
        assert answer.status_code == 201


def test_a_form_cannot_write_for_a_signed_in_user(bob: FlaskClient) -> None:
    answer = bob.post(MESSAGES, data={"to": "alice", "body": "hi"})
    assert problem(answer)["status"] == 415


def test_a_bearer_call_needs_neither(notifier: Notifier) -> None:
    headers = {
        "Authorization": f"Bearer {notifier.token('bob')}",
        "Origin": "https://evil.example",
    }
    answer = client_of(notifier).post(
        MESSAGES, data=b'{"to": "alice", "body": "hi"}', headers=headers
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("method", "path"), [("GET", MESSAGES), ("POST", MESSAGES), ("POST", READ)]
)
def test_a_stranger_gets_a_401(notifier: Notifier, method: str, path: str) -> None:
    answer = client_of(notifier).open(path, method=method, json={"to": "alice", "body": "hi"})
    assert problem(answer)["status"] == 401


def test_missing_tables_are_a_500_and_the_log_says_what_to_do(
    notifier: Notifier, bob: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with notifier.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE inboxes")
    answer = problem(send(bob))
    assert (answer["status"], "not prepared" in answer["detail"]) == (500, True)
    assert "init-db" in caplog.text


def test_a_hosts_own_proxyfix_still_sees_the_headers(sqlite_url: str) -> None:
    app = flask.Flask("host")
    app.config.update(SECRET_KEY="test", DATABASE_URL=sqlite_url)
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    Notifier(app)
    app.add_url_rule("/scheme", "scheme", lambda: flask.request.scheme)
    answer = app.test_client().get("/scheme", headers={"X-Forwarded-Proto": "https"})
    assert answer.text == "https"


def test_health_and_readiness(notifier: Notifier) -> None:
    client = client_of(notifier)
    assert client.get("/healthz").json == {"status": "ok"}
    assert client.get("/readyz").json == {"status": "ready", "database": "ok", "broker": "none"}
