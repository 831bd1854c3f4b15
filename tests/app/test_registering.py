"""Who may register, and under which name."""

from __future__ import annotations

import threading

import pytest
from flask import Flask

from tests.app.visitor import PASSWORD, Page, Visitor


def test_who_registers_is_signed_in_and_sees_an_empty_inbox(visitor: Visitor) -> None:
    response = visitor.submit("/register", username="alice", password=PASSWORD)
    assert response.location == "/messages"
    assert "No messages yet" in visitor.page("/messages").text


def test_a_name_is_stored_in_lower_case(visitor: Visitor) -> None:
    visitor.submit("/register", username=" Alice ", password=PASSWORD)
    assert "Signed in as alice" in visitor.page("/messages").text


@pytest.mark.parametrize(
    "name", ["", " ", "-alice", "al ice", "älice", "a" * 33, "alice\x00", "a/b", "a,b", "<b>"]
)
def test_a_name_that_breaks_the_rules_is_refused_at_its_field(visitor: Visitor, name: str) -> None:
    response = visitor.submit("/register", username=name, password=PASSWORD)
    assert response.status_code == 422
    assert Page(response.text).all("p", id="username-error")
    assert not visitor.is_signed_in()


@pytest.mark.parametrize("password", ["", "1234567", "x" * 201, "12345678\x00"])
def test_a_password_that_breaks_the_rules_is_refused_at_its_field(
    visitor: Visitor, password: str
) -> None:
    response = visitor.submit("/register", username="alice", password=password)
    assert response.status_code == 422
    assert Page(response.text).all("p", id="password-error")


def test_a_name_that_is_taken_is_refused_whatever_its_case(alice: Visitor, app: Flask) -> None:
    response = Visitor(app).submit("/register", username="ALICE", password="another one")
    assert response.status_code == 422
    assert "alice is taken already" in response.text
    assert Visitor(app).sign_in("alice").location == "/messages"


def test_of_two_who_register_a_name_at_once_one_gets_it(app: Flask) -> None:
    statuses: list[int] = []
    both_have_the_form = threading.Barrier(2)

    def register() -> None:
        visitor = Visitor(app)
        token = visitor.page("/register").value("csrf_token")
        both_have_the_form.wait(10)
        fields = {"username": "alice", "password": PASSWORD, "csrf_token": token}
        statuses.append(visitor.post("/register", **fields).status_code)

    together(register, register)
    assert sorted(statuses) == [302, 422]


def together(*actions: object) -> None:
    threads = [threading.Thread(target=action) for action in actions]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def test_the_password_is_never_stored_as_it_is(alice: Visitor, app: Flask) -> None:
    with app.extensions["notifier"].engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT * FROM users").one()
    assert PASSWORD not in repr(stored)
    assert "$argon2id$" in repr(stored)
