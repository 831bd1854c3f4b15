"""What the app does against forged forms, foreign frames and injected markup."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.app.conftest import MakeApp
from tests.app.visitor import Page, Visitor
from tests.support import ROOT

Send = Callable[..., None]

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = ["/messages", "/messages/new", "/no-such-page"]


def posts(app: Flask) -> list[str]:
    rules = [rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    return [rule.rule.replace("<int:message_id>", "1") for rule in rules]


def test_every_form_needs_its_token(alice: Visitor, app: Flask) -> None:
    forms = [path for path in posts(app) if not path.startswith("/api/")]
    assert len(forms) == 6
    for path in forms:
        response = alice.post(path, to="alice", body="hi", up_to="1")
        assert (path, response.status_code) == (path, 400)
        assert "This form has expired" in response.text
    assert alice.bodies() == []


def test_the_api_takes_json_without_a_token(alice: Visitor) -> None:
    response = alice.client.post("/api/v1/messages", json={"to": "alice", "body": "hi"})
    assert response.status_code == 201
    assert alice.client.post("/api/v1/messages", data={"to": "alice"}).status_code == 415


def test_the_api_refuses_a_user_who_does_not_exist(alice: Visitor) -> None:
    response = alice.client.post("/api/v1/messages", json={"to": "nobody", "body": "hi"})
    assert (response.status_code, response.json["field"]) == (404, "to")  # type: ignore[index]


def test_every_response_names_what_may_run(alice: Visitor) -> None:
    for path in [*PAGES, "/login", "/notifications", "/notifier/static/app/app.css"]:
        headers = alice.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_kept_out_of_caches(alice: Visitor, path: str) -> None:
    assert alice.get(path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_inline_script_or_style(template: Path) -> None:
    text = template.read_text().lower()
    assert "<style" not in text
    assert " style=" not in text
    assert " onclick=" not in text
    assert text.count("<script") == text.count('<script type="module" src=')


@pytest.mark.parametrize("path", ["/messages", "/messages/new"])
def test_a_page_runs_nothing_but_files_of_its_own(alice: Visitor, path: str) -> None:
    page = alice.page(path)
    assert page.all("script")
    for _, attributes in page.elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
    addresses = [
        a.get("src") or a.get("href") for _, a in page.elements if {"src", "href"} & set(a)
    ]
    assert all(address and address.startswith(("/", "#")) for address in addresses)


def test_a_message_is_text_whatever_it_looks_like(alice: Visitor, send: Send) -> None:
    send("alice", "<script>alert(1)</script><img src=x onerror=alert(2)>", "<b>eve</b>")
    page = alice.page("/messages")
    assert "<script>alert(1)</script>" in page.text
    assert "<b>eve</b>" in page.text
    assert not page.all("b")
    assert not page.all("img", src="x")


@pytest.mark.parametrize("path", ["/messages?before=x", "/messages?before=9999999999"])
def test_an_address_that_makes_no_sense_is_a_bad_request(alice: Visitor, path: str) -> None:
    response = alice.get(path)
    assert response.status_code == 400
    assert "That did not work" in response.text


def test_a_page_that_does_not_exist_says_so(visitor: Visitor) -> None:
    response = visitor.get("/no-such-page")
    assert response.status_code == 404
    assert "Nothing here" in Page(response.text).text


def test_an_oversized_form_is_refused(alice: Visitor) -> None:
    token = alice.page("/messages/new").value("csrf_token")
    fields = {"to": "alice", "body": "x" * 500_000, "csrf_token": token}
    response = alice.post("/messages/new", **fields)
    assert response.status_code == 413
    assert "Shorten it" in response.text


def test_without_a_database_the_page_still_says_what_happened(make_app: MakeApp) -> None:
    app = make_app(PROPAGATE_EXCEPTIONS=False)
    alice = Visitor(app)
    alice.submit("/register", username="alice", password="correct horse")
    with app.extensions["notifier"].engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE users")
    response = alice.get("/messages")
    assert response.status_code == 500
    assert "Our fault" in response.text
