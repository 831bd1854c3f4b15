"""A browser without JavaScript, as far as the tests need one."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from flask import Flask
from werkzeug.test import TestResponse

PASSWORD = "correct horse"

_VOID = {"br", "hr", "img", "input", "link", "meta"}


class Page(HTMLParser):
    """What a page says: its text, its elements with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._open: list[str] = []
        self._text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        self._text.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self._text)).strip()

    def all(self, tag: str, **wanted: str) -> list[dict[str, str]]:
        """The attributes of every `tag` that has those wanted."""
        return [
            attributes
            for name, attributes in self.elements
            if name == tag and wanted.items() <= attributes.items()
        ]

    def value(self, name: str) -> str:
        """The value of the first input of this name."""
        return self.all("input", name=name)[0]["value"]

    def link(self, text_part: str) -> str | None:
        """The first link whose address holds `text_part`."""
        links = [a["href"] for a in self.all("a") if text_part in a["href"]]
        return links[0] if links else None


class Visitor:
    """Somebody with a browser; keeps cookies, fills in forms."""

    def __init__(self, app: Flask, base_url: str = "http://localhost") -> None:
        self.client = app.test_client()
        self._base_url = base_url

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, base_url=self._base_url, buffered=True)

    def page(self, path: str) -> Page:
        response = self.get(path)
        assert response.status_code == 200, response.status
        return Page(response.text)

    def post(self, path: str, **fields: object) -> TestResponse:
        """Post without a CSRF token, unless there is one among the fields."""
        headers = {"Referer": self._base_url + path}
        return self.client.post(path, data=fields, base_url=self._base_url, headers=headers)

    def submit(self, path: str, at: str | None = None, **fields: object) -> TestResponse:
        """Open the page `at` (else `path`) and post the form on it to `path`."""
        page = self.page(at or path)
        return self.post(path, csrf_token=page.value("csrf_token"), **fields)

    def press(self, button_id: str, at: str = "/messages") -> TestResponse:
        """Press a button of the inbox, with every hidden field of its form."""
        page = self.page(at)
        button = page.all("button", id=button_id)[0]
        action = button.get("formaction") or page.all("form", id="marking")[0]["action"]
        fields = {field["name"]: field["value"] for field in page.all("input", type="hidden")}
        return self.post(action, **fields)

    def sign_in(
        self, username: str, password: str = PASSWORD, path: str = "/login"
    ) -> TestResponse:
        return self.submit(path, username=username, password=password)

    def is_signed_in(self) -> bool:
        return self.get("/messages").status_code == 200

    def bodies(self, path: str = "/messages") -> list[str]:
        """The texts of the messages on a page of the inbox."""
        return re.findall(r'<p class="text">(.*?)</p>', self.get(path).text, re.DOTALL)
