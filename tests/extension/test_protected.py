"""Hosts with Flask-WTF, Flask-Login and Flask-SQLAlchemy: ours works under theirs, untouched."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from flask_login import LoginManager, UserMixin, current_user, login_user
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import Uuid, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from notifier import Notifier
from tests.extension.hosts import BADGE, host, wired

JSON = {"json": {"up_to": 1.0}}


def signed_in(app: flask.Flask) -> FlaskClient:
    client = app.test_client()
    client.get("/sign-in/alice")
    return client


@pytest.mark.parametrize("csrf_first", [True, False])
def test_our_api_works_under_csrf_protection(csrf_first: bool) -> None:
    app = host()
    app.add_url_rule("/mine", "mine", lambda: "mine", methods=["POST"])
    steps: list[Callable[[flask.Flask], object]] = [CSRFProtect, wired]
    for step in steps if csrf_first else steps[::-1]:
        step(app)
    client = signed_in(app)
    assert client.post("/api/v1/messages/read", **JSON).status_code == 200
    assert client.post("/api/v1/messages", json={"to": "bob", "body": "hi"}).status_code == 201
    assert client.post("/mine", **JSON).status_code == 400


@pytest.mark.parametrize(
    "forged",
    [
        {"data": "up_to=1"},
        {"json": {"up_to": 1.0}, "headers": {"Origin": "https://evil.example"}},
    ],
    ids=["a form", "a foreign page"],
)
def test_our_api_has_a_protection_of_its_own(forged: dict[str, Any]) -> None:
    app = host()
    CSRFProtect(app)
    wired(app)
    assert signed_in(app).post("/api/v1/messages/read", **forged).status_code in (403, 415)


class Shop:
    """An app with users of its own: Flask-SQLAlchemy, Flask-Login, UUIDs, and pages for members."""

    def __init__(self, url: str) -> None:
        self.app = app = flask.Flask("shop")
        app.config.update(SECRET_KEY="a-key-of-the-tests", SQLALCHEMY_DATABASE_URI=url)
        self.db = db = SQLAlchemy(app, model_class=declarative_base())
        login = LoginManager(app)

        class User(db.Model, UserMixin):  # type: ignore[name-defined,misc]
            id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)

        self.User = User
        login.user_loader(lambda id: db.session.get(User, uuid.UUID(id)))
        app.add_url_rule("/sign-in/<uuid:id>", "sign_in", self.sign_in)
        app.add_url_rule("/page", "page", lambda: flask.render_template_string(BADGE))
        app.before_request(self.members_only)
        self.notifier = Notifier(
            app, session=db.session, identify=current_user_id, known=self.known
        )
        with app.app_context():
            db.create_all()
            self.notifier.create_tables()
            db.session.add_all([User(), User()])
            db.session.commit()
            self.alice, self.bob = db.session.scalars(select(User.id)).all()

    def sign_in(self, id: uuid.UUID) -> str:
        login_user(self.db.session.get(self.User, id))
        return "ok"

    def members_only(self) -> Any:
        ours = flask.request.blueprint in {one.name for one in self.notifier.blueprints}
        if current_user.is_authenticated or ours or flask.request.endpoint == "sign_in":
            return None
        return flask.redirect("/login")

    def known(self, ids: list[str]) -> Any:
        valid = [uuid.UUID(one) for one in ids if one.count("-") == 4]
        return self.db.session.scalars(select(self.User.id).where(self.User.id.in_(valid)))

    def client(self, user: uuid.UUID) -> FlaskClient:
        client = self.app.test_client()
        client.get(f"/sign-in/{user}")
        return client


def declarative_base() -> type[DeclarativeBase]:
    return type("Base", (DeclarativeBase,), {})


def current_user_id() -> object:
    return current_user.id if current_user.is_authenticated else None


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    shop = Shop(database_url)
    yield shop
    with shop.app.app_context():
        shop.db.engine.dispose()


def test_ids_are_uuids_at_both_ends(shop: Shop) -> None:
    with shop.app.app_context():
        shop.notifier.send(shop.alice, "hi", sender=shop.bob)
        shop.notifier.notify([shop.alice, shop.bob], "order_status", "shipped")
        shop.db.session.commit()
    client = shop.client(shop.alice)
    assert "data-notifier-badge" in client.get("/page").text
    names = {event["name"]: event["data"] for event in client.get("/notifications").json or []}
    assert names == {"unread_message_count": 1, "order_status": "shipped"}


def test_marking_read_takes_an_id_of_any_type(shop: Shop) -> None:
    with shop.app.app_context():
        shop.notifier.send(shop.alice, "hi")
        shop.db.session.commit()
        shop.notifier.mark_read(shop.alice, up_to=shop.notifier.head(shop.alice))
        shop.db.session.commit()
        assert shop.notifier.unread_count(str(shop.alice)) == 0


def test_known_may_return_ids_of_the_hosts_own_type(shop: Shop) -> None:
    client = shop.client(shop.bob)
    for to, status in [(str(shop.alice), 201), (str(uuid.uuid4()), 404), ("alice", 404)]:
        answer = client.post("/api/v1/messages", json={"to": to, "body": "hi"})
        assert answer.status_code == status, answer.text


def test_a_wall_around_the_hosts_pages_leaves_ours_a_door(shop: Shop) -> None:
    stranger = shop.app.test_client()
    assert stranger.get("/page").location == "/login"
    assert stranger.get("/notifications").status_code == 401
    with shop.app.app_context():
        token = shop.notifier.token(shop.alice)
    bearer = {"Authorization": f"Bearer {token}"}
    assert stranger.get("/notifications", headers=bearer).status_code == 200


def test_a_rollback_of_the_hosts_takes_it_back(shop: Shop) -> None:
    with shop.app.app_context():
        with shop.db.session.begin_nested():
            shop.notifier.send(shop.alice, "hi")
        shop.db.session.rollback()
        assert shop.notifier.list_messages(shop.alice) == []


def test_integers_are_ids_as_well() -> None:
    notifier = wired(host())
    with notifier.transaction():
        notifier.send([1, 2], "hi", sender=3)
        notifier.notify(1, "progress", 50)
    assert [notifier.unread_count(id) for id in (1, "1", 2)] == [1, 1, 1]
    assert notifier.list_messages(2)[0].sender == "3"


def test_sending_outside_an_app_context_says_what_to_do(shop: Shop) -> None:
    with pytest.raises(Exception, match="push an app context"):
        shop.notifier.send(shop.alice, "hi")
