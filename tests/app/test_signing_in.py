"""Signing in and out, and what the session has to do with it."""

from __future__ import annotations

import pytest
from flask import Flask

from notifier.app.passwords import _NOBODY, Passwords
from tests.app.conftest import MakeApp
from tests.app.visitor import PASSWORD, Page, Visitor


def test_signing_in_leads_to_the_inbox(alice: Visitor, visitor: Visitor) -> None:
    assert visitor.sign_in("alice").location == "/messages"
    assert visitor.is_signed_in()


def test_a_name_may_be_typed_in_any_case(alice: Visitor, visitor: Visitor) -> None:
    assert visitor.sign_in(" ALICE").location == "/messages"


def test_a_wrong_password_and_an_unknown_name_read_the_same(
    alice: Visitor, visitor: Visitor
) -> None:
    answers = [visitor.sign_in(name, "wrong password") for name in ("alice", "nobody")]
    assert {answer.status_code for answer in answers} == {422}
    wrong, unknown = (Page(answer.text).text for answer in answers)
    assert wrong == unknown
    assert "do not belong together" in wrong


@pytest.mark.parametrize("name", ["alice\x00", "a" * 500, "'; DROP TABLE users; --"])
def test_a_name_that_cannot_exist_is_refused(visitor: Visitor, name: str) -> None:
    assert visitor.sign_in(name).status_code == 422


def test_an_unknown_name_costs_the_work_of_a_password() -> None:
    passwords = Passwords()
    assert passwords.verify(None, "any") is False
    assert not passwords.outdated(_NOBODY)


def test_a_hash_of_older_parameters_is_renewed_at_sign_in(alice: Visitor, app: Flask) -> None:
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    engine = app.extensions["notifier"].engine
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE users SET password_hash = ?", (old,))
    assert Visitor(app).sign_in("alice").location == "/messages"
    with engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT password_hash FROM users").scalar_one()
    assert not Passwords().outdated(stored)
    assert alice.is_signed_in()


def test_who_is_signed_in_is_sent_on_from_the_form(alice: Visitor) -> None:
    assert alice.get("/login").location == "/messages"
    assert alice.get("/register").location == "/messages"


@pytest.mark.parametrize("path", ["/", "/messages", "/messages/new"])
def test_every_page_asks_a_stranger_to_sign_in(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).location.startswith("/login")


def test_after_signing_in_one_is_where_one_wanted_to_be(alice: Visitor, visitor: Visitor) -> None:
    asked = visitor.get("/messages/new?to=bob").location
    assert visitor.sign_in("alice", path=asked).location == "/messages/new?to=bob"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "/\t/evil.example/",
        "\\\\evil.example",
        "javascript:alert(1)",
        "messages",
        "/logout",
        "/no-such-page",
    ],
)
def test_no_address_but_an_own_page_is_a_destination(
    alice: Visitor, visitor: Visitor, target: str
) -> None:
    login = visitor.client.get("/login", query_string={"next": target}).request.full_path
    assert visitor.sign_in("alice", path=login).location == "/messages"


def test_signing_in_starts_a_new_session(alice: Visitor, visitor: Visitor) -> None:
    before = visitor.page("/login").value("csrf_token")
    with visitor.client.session_transaction() as session:
        session["left"] = "by an earlier visitor"
    visitor.post("/login", username="alice", password=PASSWORD, csrf_token=before)
    with visitor.client.session_transaction() as session:
        assert "left" not in session
    body = {"to": "alice", "body": "hi", "csrf_token": before}
    assert visitor.post("/messages/new", **body).status_code == 400


def test_signing_out_ends_the_session(alice: Visitor) -> None:
    response = alice.submit("/logout", at="/messages")
    assert response.location == "/login"
    assert not alice.is_signed_in()
    assert alice.get("/notifications").status_code == 401


def test_a_new_password_ends_every_session(alice: Visitor, app: Flask) -> None:
    arguments = ["notifier", "create-user", "alice", "--password", "brand new one", "--update"]
    app.test_cli_runner().invoke(args=arguments)
    assert not alice.is_signed_in()
    assert Visitor(app).sign_in("alice", "brand new one").location == "/messages"


def cookie_of(app: Flask, base_url: str) -> str:
    visitor = Visitor(app, base_url)
    response = visitor.submit("/register", username="alice", password=PASSWORD)
    return response.headers["Set-Cookie"]


def test_the_cookie_is_kept_from_scripts_and_other_sites(app: Flask) -> None:
    cookie = cookie_of(app, "http://127.0.0.1:5000")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_over_https_the_cookie_never_travels_in_the_clear(app: Flask) -> None:
    assert "Secure" in cookie_of(app, "https://notes.example")


def test_behind_a_proxy_the_public_scheme_counts(make_app: MakeApp) -> None:
    client = make_app(NOTIFIER_TRUSTED_PROXIES=1).test_client()
    response = client.get("/login", headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in response.headers["Set-Cookie"]


def test_a_poll_sets_no_cookie(alice: Visitor) -> None:
    assert "Set-Cookie" not in alice.get("/notifications").headers
