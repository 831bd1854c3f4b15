"""The deployed app as its visitors meet it: people who register, and what they send."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import Any

import requests

from notifier.web.tokens import Tokens
from tests.services.server import SECRET_KEY, ServerProcess

PASSWORD = "a long password"


@dataclass(frozen=True)
class Person:
    """Somebody who has registered, and is signed in wherever these cookies go."""

    name: str
    cookies: dict[str, str]
    site: Site

    @property
    def token(self) -> str:
        return Tokens([SECRET_KEY], 600).make(self.name)

    def send(self, to: Person, *bodies: str) -> None:
        """Send messages over the API, with a bearer token."""
        for body in bodies:
            self._post("/api/v1/messages", {"to": to.name, "body": body})

    def read_all(self) -> None:
        """Mark everything as read over the API."""
        self._post("/api/v1/messages/read", {"up_to": time.time()})

    def _post(self, path: str, payload: dict[str, Any]) -> None:
        answer = requests.post(
            self.site.server.url + path,
            json=payload,
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=10,
        )
        assert answer.ok, answer.text


class Site:
    """A running server and the people of one test."""

    _numbers = itertools.count(1)

    def __init__(self, server: ServerProcess) -> None:
        self.server = server

    def person(self, nick: str) -> Person:
        """Register somebody new, whom no other test knows."""
        name = f"{nick}-{next(self._numbers)}"
        with requests.Session() as session:
            page = session.get(f"{self.server.url}/register", timeout=10).text
            csrf = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
            form = {"username": name, "password": PASSWORD, "csrf_token": csrf}
            answer = session.post(f"{self.server.url}/register", data=form, timeout=10)
            assert answer.url.endswith("/messages"), answer.text
            # What greets a new user is for the next page; take it, so that no test meets it.
            session.get(answer.url, timeout=10)
            cookies = session.cookies.get_dict()
        return Person(name, cookies, self)
