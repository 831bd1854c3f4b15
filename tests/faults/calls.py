"""Calls to a deployed app whose database fails."""

from __future__ import annotations

import requests

from notifier.web.tokens import Tokens
from tests.services.server import SECRET_KEY, ServerProcess

# A refusal takes 1.5 s at most; the rest is for a machine that is busy with other things.
SOON = 5.0
PASSWORD = "a long password"


def bearer(user: str = "alice") -> dict[str, str]:
    return {"Authorization": f"Bearer {Tokens([SECRET_KEY], 600).make(user)}"}


def send(server: ServerProcess, timeout: float = SOON) -> requests.Response:
    body = {"to": "alice", "body": "hi"}
    url = f"{server.url}/api/v1/messages"
    return requests.post(url, json=body, headers=bearer(), timeout=timeout)
