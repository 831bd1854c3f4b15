"""Paths, endpoints and static files: moved by settings, and never in the host's way."""

from __future__ import annotations

import logging
import re
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from notifier import ConfigurationError, Notifier
from tests.extension.hosts import BADGE, host, new_sessions, wired

MOVED = {"NOTIFIER_URL_PREFIX": "/push", "NOTIFIER_BLUEPRINT": "pushes"}


def page_of(client: Any, path: str = "") -> dict[str, str]:
    """The URLs that the page gives to the browser client."""
    client.get(f"{path}/sign-in/alice")
    text = client.get(f"{path}/page").text
    found = dict(re.findall(r'data-([a-z-]+)="([^"]*)"', text))
    [found["script"]] = re.findall(r'src="([^"]*)"', text)
    return found


def works(client: Any, page: dict[str, str]) -> None:
    script = client.get(page["script"])
    assert script.status_code == 200
    script.close()
    assert client.get(page["poll-url"]).json == []
    read = client.post(page["read-url"], json={"up_to": 1.0})
    assert read.json == {"unread": 0, "timestamp": 0}


def signed_in(app: flask.Flask) -> FlaskClient:
    client = app.test_client()
    client.get("/sign-in/alice")
    return client


def test_everything_follows_the_prefix() -> None:
    app = host(**MOVED)
    wired(app)
    page = page_of(client := app.test_client())
    assert {page[name].split("/")[1] for name in ("poll-url", "read-url", "script")} == {"push"}
    works(client, page)
    assert client.get("/notifications").status_code == 404


def test_everything_follows_the_name_of_the_blueprint() -> None:
    app = host(**MOVED)
    app.add_url_rule("/mine", "notifier", lambda: "the host's own endpoint")
    notifier = wired(app)
    assert [blueprint.name for blueprint in notifier.blueprints][:1] == ["pushes"]
    with app.test_request_context():
        assert flask.url_for("pushes.poll") == "/push/notifications"
        assert flask.url_for("notifier") == "/mine"


def test_a_blueprint_of_the_hosts_with_our_name_is_no_obstacle_but_an_advice() -> None:
    app = host()
    app.register_blueprint(flask.Blueprint("notifier", "tests"))
    with pytest.raises(ConfigurationError, match="set NOTIFIER_BLUEPRINT"):
        Notifier(app)
    app.config["NOTIFIER_BLUEPRINT"] = "pushes"
    wired(app)
    works(client := app.test_client(), page_of(client))


@pytest.mark.parametrize("path", ["/notifications", "/healthz"])
def test_a_route_of_the_hosts_where_we_need_ours_is_refused(path: str) -> None:
    app = host()
    app.add_url_rule(path, "mine", lambda: "mine")
    with pytest.raises(ConfigurationError, match=rf"{path} already \(mine\).*NOTIFIER_URL_PREFIX"):
        Notifier(app)


def test_a_route_that_the_host_adds_later_is_told_to_be_hidden(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = host()
    wired(app)
    app.add_url_rule("/healthz", "mine", lambda: "mine")
    with caplog.at_level(logging.ERROR, "notifier.web"):
        app.test_client().get("/page")
        app.test_client().get("/page")
    [told] = [record.getMessage() for record in caplog.records]
    assert "/healthz (mine) is hidden" in told


@pytest.mark.parametrize("bad", ["push", "/push/", "/"])
def test_a_prefix_that_is_none_is_refused(bad: str) -> None:
    with pytest.raises(ConfigurationError, match="NOTIFIER_URL_PREFIX"):
        Notifier(host(NOTIFIER_URL_PREFIX=bad))


def test_a_mounted_app_tells_its_client_where_it_is_mounted() -> None:
    app = host(NOTIFIER_URL_PREFIX="/push")
    wired(app)
    client = Client(DispatcherMiddleware(flask.Flask("root"), {"/shop": app.wsgi_app}))
    page = page_of(client, "/shop")
    assert page["socket-path"] == "/shop/socket.io"
    assert page["poll-url"] == "/shop/push/notifications"
    works(client, page)
    opened = client.get(page["socket-path"] + "/?EIO=4&transport=polling")
    assert opened.status_code == 400
    assert "transport" in opened.text.lower()


def test_several_apps_have_their_own_of_everything() -> None:
    apps = [host(), host(**MOVED)]
    notifiers = [wired(app) for app in apps]
    with notifiers[0].transaction():
        notifiers[0].send("alice", "hi")
    assert [notifier.unread_count("alice") for notifier in notifiers] == [1, 0]
    figures = [
        signed_in(app).get(path).text
        for app, path in zip(apps, ("/metrics", "/push/metrics"), strict=True)
    ]
    published = [re.search(r"^notifier_events_published_total (\S+)", one, re.M) for one in figures]
    assert [one and one[1] for one in published] == ["1.0", "0.0"]


def test_a_host_may_override_the_template_of_the_badge(tmp_path: Any) -> None:
    folder = tmp_path / "notifier"
    folder.mkdir()
    (folder / "badge.html").write_text(
        "{% macro badge() %}mine{% endmacro %}{% macro scripts() %}{% endmacro %}"
    )
    app = flask.Flask("host", template_folder=str(tmp_path))
    app.config.update(SECRET_KEY="x", DATABASE_URL="sqlite://")
    app.add_url_rule("/page", "page", lambda: flask.render_template_string(BADGE))
    wired(app)
    assert app.test_client().get("/page").text.strip() == "mine"


def test_pages_of_our_app_are_not_offered_in_place_of_those_of_a_hosts_blueprint(
    tmp_path: Any,
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "login.html").write_text("the host's")
    app = host()
    # By default it is that of the working directory, which is ours.
    app.template_folder = None
    app.register_blueprint(flask.Blueprint("pages", "tests", template_folder=str(tmp_path)))
    app.add_url_rule("/login", "login", lambda: flask.render_template("app/login.html"))
    wired(app)
    assert app.test_client().get("/login").text == "the host's"


def test_a_badge_that_cannot_be_read_is_hidden_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = host()
    notifier = Notifier(app, session=new_sessions(), identify=lambda: "alice")
    client = app.test_client()
    for _ in range(2):
        text = client.get("/page").text
        assert 'data-since="0.0"' in text
        assert " hidden>0</span>" in text
    notifier.stop(0)
    [told] = [one.getMessage() for one in caplog.records if one.name == "notifier.web"]
    assert "init-db" in told


@pytest.mark.parametrize("first", [True, False])
def test_a_rule_of_the_host_that_only_builds_urls_may_name_our_paths(
    first: bool, caplog: pytest.LogCaptureFixture
) -> None:
    app = host()
    if not first:
        wired(app)
    app.add_url_rule("/notifications", "main.notifications", build_only=True)
    if first:
        wired(app)
    assert app.test_client().get("/notifications").status_code == 401
    with app.test_request_context():
        assert flask.url_for("main.notifications") == "/notifications"
    assert "hidden by ours" not in caplog.text


def test_the_macros_work_when_they_are_imported_without_context() -> None:
    app = host()
    wired(app)
    page = BADGE.replace(" with context", "")
    app.add_url_rule("/bare", "bare", lambda: flask.render_template_string(page))
    client = signed_in(app)
    assert client.get("/bare").text == client.get("/page").text
    assert "data-notifier-badge" in client.get("/bare").text
