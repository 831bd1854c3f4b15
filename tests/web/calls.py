"""Calls of the messages API, and what it refuses them with."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

MESSAGES = "/api/v1/messages"
READ = "/api/v1/messages/read"


def problem(answer: TestResponse) -> dict[str, Any]:
    assert answer.mimetype == "application/problem+json", answer.get_data(as_text=True)
    members: dict[str, Any] = answer.get_json(force=True)
    assert members["status"] == answer.status_code
    return members


def send(client: FlaskClient, to: Any = "alice", body: str = "hi") -> TestResponse:
    return client.post(MESSAGES, json={"to": to, "body": body})
