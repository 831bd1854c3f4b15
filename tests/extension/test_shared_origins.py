"""A host whose Socket.IO lets every page in: whose cookies count on our namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from notifier.web.origins import same_host
from tests.extension.hosts import wired, with_socketio

EVIL = {"Origin": "https://evil.example"}
FORGED = {**EVIL, "X-Forwarded-Host": "evil.example"}
OURS = {"Origin": "http://localhost"}
UPGRADE = {"HTTP_UPGRADE": "WebSocket", "HTTP_SEC_WEBSOCKET_KEY": "x"}


@pytest.fixture
def app() -> Iterator[flask.Flask]:
    app, socketio = with_socketio(cors_allowed_origins="*")
    notifier = wired(app, socketio=socketio)
    yield app
    notifier.stop(1)


def told(browser: FlaskClient, handshake: dict[str, str], after: dict[str, str]) -> Any:
    """What a page that only polls is told when it connects with the cookie of its visitor."""
    path = "/socket.io/?EIO=4&transport=polling"
    opened = browser.get(path, headers=handshake).text
    session = flask.json.loads(opened[1:])["sid"]
    # The test client calls the app's wsgi_app, which is the middleware of Flask-SocketIO.
    browser.post(f"{path}&sid={session}", data="40/notifier,", headers=after)
    return browser.get(f"{path}&sid={session}", headers=after).text


@pytest.mark.parametrize(
    ("handshake", "after", "start"),
    [
        (EVIL, EVIL, "44/notifier,"),
        (FORGED, FORGED, "44/notifier,"),
        # A script element asks without an origin (JSONP) and with the cookie.
        ({"Sec-Fetch-Site": "cross-site"}, EVIL, "44/notifier,"),
        ({}, EVIL, "44/notifier,"),
        ({"Sec-Fetch-Site": "same-origin"}, OURS, "40/notifier,"),
        (OURS, OURS, "40/notifier,"),
    ],
)
def test_whose_cookie_counts_while_polling(
    app: flask.Flask, handshake: dict[str, str], after: dict[str, str], start: str
) -> None:
    browser = app.test_client()
    browser.get("/sign-in/alice")
    assert told(browser, handshake, after).startswith(start)


@pytest.mark.parametrize(
    ("more", "believed"),
    [
        (UPGRADE, True),
        ({}, False),
        ({"HTTP_UPGRADE": "websocket"}, False),
        ({"HTTP_UPGRADE": "h2c", "HTTP_SEC_WEBSOCKET_KEY": "x"}, False),
    ],
)
def test_only_an_upgrade_may_say_what_its_host_was(more: dict[str, str], believed: bool) -> None:
    environ = {"HTTP_HOST": "inside:80", "HTTP_X_FORWARDED_HOST": "shop.example", **more}
    assert same_host("https://shop.example", environ, ()) is believed


@pytest.mark.parametrize(
    ("allowed", "evil"), [(lambda _origin: True, False), ([EVIL["Origin"]], True)]
)
def test_cookies_count_for_pages_that_a_host_names_and_not_for_what_its_function_says(
    allowed: Any, evil: bool
) -> None:
    app, socketio = with_socketio(cors_allowed_origins=allowed)
    notifier = wired(app, socketio=socketio, identify=lambda: "alice")
    client = socketio.test_client(app, namespace="/notifier", headers=EVIL)
    assert client.is_connected("/notifier") is evil
    notifier.stop(1)


def test_an_origin_may_be_absent_with_an_upgrade_only() -> None:
    assert same_host(None, UPGRADE, ())
    assert not same_host(None, {}, ())
