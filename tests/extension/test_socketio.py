"""A host with a Flask-SocketIO of its own: one server for both, and each keeps its namespace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask_socketio import SocketIO, emit

from notifier import ConfigurationError, Notifier
from tests.extension.hosts import (
    connected,
    host,
    new_sessions,
    socketio_first,
    wired,
    with_socketio,
)


def test_our_namespace_is_one_of_our_own_on_a_socketio_of_the_hosts() -> None:
    app, socketio = with_socketio()
    notifier = wired(app, socketio=socketio)
    assert notifier.settings.namespace == "/notifier"
    assert notifier.socketio is socketio
    assert app.extensions["socketio"] is socketio


def test_the_namespace_is_the_hosts_choice() -> None:
    app, socketio = with_socketio()
    app.config["NOTIFIER_NAMESPACE"] = "/"
    assert wired(app, socketio=socketio).settings.namespace == "/"


ORDERS: dict[str, Callable[..., tuple[Notifier, SocketIO]]] = {"socketio_first": socketio_first}


def order(make: Callable[[], tuple[Notifier, SocketIO]]) -> Callable[..., Any]:
    ORDERS[make.__name__] = make
    return make


@order
def notifier_first() -> tuple[Notifier, SocketIO]:
    app, socketio = host(), SocketIO(async_mode="threading")
    notifier = wired(app, socketio=socketio)
    socketio.init_app(app)
    return notifier, socketio


@order
def app_factory() -> tuple[Notifier, SocketIO]:
    socketio = SocketIO(async_mode="threading")

    def create_app() -> Notifier:
        app = host()
        socketio.init_app(app)
        return wired(app, socketio=socketio)

    create_app()
    return create_app(), socketio


@order
def server_made_anew() -> tuple[Notifier, SocketIO]:
    app, socketio = with_socketio()
    notifier = wired(app, socketio=socketio)
    socketio.init_app(app)
    return notifier, socketio


@pytest.mark.parametrize("make", ORDERS.values(), ids=ORDERS)
def test_pushes_and_the_hosts_events_arrive_side_by_side(make: Callable[[], Any]) -> None:
    notifier, socketio = make()
    socketio.on_event("connect", lambda: emit("welcome", "host"))
    client = connected(notifier.app, socketio)
    with notifier.transaction():
        notifier.notify("alice", "order_status", "shipped")
    assert [one["name"] for one in client.get_received("/")] == ["welcome"]
    pushed = [one for one in client.get_received("/notifier") if one["name"] != "head"]
    assert [one["args"][0]["data"] for one in pushed] == ["shipped"]
    notifier.stop(1)


def test_an_app_that_is_made_again_leaves_no_handlers_of_the_former_one() -> None:
    notifier, socketio = app_factory()
    assert len(socketio.handlers) == 2
    notifier.stop(1)


@pytest.mark.parametrize("with_init", [True, False])
def test_a_socketio_of_an_app_that_serves_is_refused_to_another(with_init: bool) -> None:
    notifier, socketio = socketio_first()
    notifier.start()
    second = host()
    if with_init:
        socketio.init_app(second)
    with pytest.raises(ConfigurationError, match="serves another app"):
        Notifier(second, socketio=socketio)
    socketio.init_app(notifier.app)
    assert connected(notifier.app, socketio).is_connected("/notifier")
    notifier.stop(1)


def test_a_socketio_of_an_app_that_was_stopped_may_go_to_another() -> None:
    former, socketio = socketio_first()
    former.stop(1)
    second = host()
    socketio.init_app(second)
    notifier = wired(second, socketio=socketio)
    assert connected(second, socketio).is_connected("/notifier")
    notifier.stop(1)


@pytest.mark.parametrize("early", [True, False])
def test_a_factory_that_is_called_again_may_use_what_is_global(early: bool) -> None:
    socketio, sessions = SocketIO(async_mode="threading"), new_sessions()
    for _ in range(2):
        app = host()
        if early:
            socketio.init_app(app)
        notifier = wired(app, socketio=socketio, session=sessions)
        if not early:
            socketio.init_app(app)
        assert app.test_client().get("/page").status_code == 200
        del app, notifier


def test_a_stranger_is_refused_on_ours_and_welcome_on_the_hosts() -> None:
    notifier, socketio = socketio_first()
    client = connected(notifier.app, socketio, user=None)
    assert client.is_connected("/")
    assert not client.is_connected("/notifier")
    notifier.stop(1)


def test_a_page_before_init_app_says_what_to_do() -> None:
    app = host(TESTING=True)
    notifier = wired(app, socketio=SocketIO())
    with pytest.raises(ConfigurationError, match=r"socketio\.init_app\(app\)"):
        _ = notifier.serving.joint.path


def test_a_request_before_init_app_says_what_to_do() -> None:
    app = host(TESTING=True)
    wired(app, socketio=SocketIO())
    with pytest.raises(ConfigurationError, match=r"socketio\.init_app\(app\)"):
        app.test_client().get("/page")


def test_the_page_leads_to_the_hosts_path_and_transports() -> None:
    app, socketio = with_socketio(path="/live")
    wired(app, socketio=socketio)
    browser = app.test_client()
    browser.get("/sign-in/alice")
    page = browser.get("/page").text
    assert 'data-socket-path="/live"' in page
    assert 'data-namespace="/notifier"' in page
    assert 'data-transports="websocket"' in page


def test_a_host_that_has_polling_alone_is_followed_by_polling() -> None:
    app, socketio = with_socketio(transports=["polling"])
    assert wired(app, socketio=socketio).serving.joint.transports == ("polling",)


def test_a_host_that_lets_every_page_in_does_not_give_its_users_inboxes_away() -> None:
    app, socketio = with_socketio(cors_allowed_origins="*")
    notifier = wired(app, socketio=socketio)
    browser = app.test_client()
    browser.get("/sign-in/alice")
    states = {}
    for origin in ("https://evil.example", "http://localhost"):
        headers = {"Origin": origin}
        client = socketio.test_client(
            app, namespace="/notifier", headers=headers, flask_test_client=browser
        )
        states[origin] = client.is_connected("/notifier")
    assert states == {"https://evil.example": False, "http://localhost": True}
    notifier.stop(1)


def test_a_token_may_come_from_any_page_the_host_lets_in() -> None:
    app, socketio = with_socketio(cors_allowed_origins="*")
    notifier = wired(app, socketio=socketio)
    client = socketio.test_client(
        app,
        namespace="/notifier",
        headers={"Origin": "https://partner.example"},
        auth={"token": notifier.token("alice")},
    )
    assert client.is_connected("/notifier")
    notifier.stop(1)


def test_an_identify_that_fails_refuses_the_socket_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, socketio = with_socketio()
    notifier = wired(app, socketio=socketio, identify=lambda: 1 / 0)
    assert not socketio.test_client(app, namespace="/notifier").is_connected("/notifier")
    assert "identify= failed" in caplog.text
    notifier.stop(1)


def test_a_mode_that_the_process_is_not_ready_for_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, socketio = with_socketio()
    wired(app, socketio=socketio)
    socketio.async_mode = "eventlet"
    app.test_client().get("/page")
    assert "runs on eventlet, but this process is ready for threading" in caplog.text
    assert "async_mode='threading'" in caplog.text
