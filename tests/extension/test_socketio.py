"""A host with a Flask-SocketIO of its own: one server for both, and each keeps its namespace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import pytest
from flask_socketio import Namespace, SocketIO, emit

from notifier import ConfigurationError, Notifier
from tests.extension.hosts import host, new_sessions, wired, with_socketio


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


def connected(app: flask.Flask, socketio: SocketIO, user: str | None = "alice") -> Any:
    """A client of both namespaces in the browser of a user."""
    browser = app.test_client()
    if user:
        browser.get(f"/sign-in/{user}")
    client = socketio.test_client(app, namespace="/", flask_test_client=browser)
    client.connect("/notifier")
    return client


ORDERS: dict[str, Callable[..., tuple[Notifier, SocketIO]]] = {}


def order(make: Callable[[], tuple[Notifier, SocketIO]]) -> Callable[..., Any]:
    ORDERS[make.__name__] = make
    return make


@order
def socketio_first() -> tuple[Notifier, SocketIO]:
    app, socketio = with_socketio()
    return wired(app, socketio=socketio), socketio


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


@pytest.mark.parametrize("message", ["connect", "disconnect"])
@pytest.mark.parametrize("late_init", [False, True])
def test_a_handler_of_the_hosts_on_our_namespace_is_refused(message: str, late_init: bool) -> None:
    app, socketio = host(), SocketIO(async_mode="threading")
    if not late_init:
        socketio.init_app(app)
    socketio.on_event(message, lambda: None, "/notifier")
    with pytest.raises(ConfigurationError, match=f"'{message}' on .*set NOTIFIER_NAMESPACE"):
        Notifier(app, socketio=socketio)


class Chat(Namespace):
    def on_connect(self) -> None: ...


class Quiet(Namespace):
    def on_message(self, text: str) -> None: ...


@pytest.mark.parametrize("late_init", [False, True])
def test_a_class_of_the_hosts_on_our_namespace_is_refused(late_init: bool) -> None:
    app, socketio = host(), SocketIO(async_mode="threading")
    if not late_init:
        socketio.init_app(app)
    socketio.on_namespace(Chat("/notifier"))
    with pytest.raises(ConfigurationError, match="class Chat with on_connect"):
        Notifier(app, socketio=socketio)


REGISTER: dict[str, Callable[[SocketIO], object]] = {
    "on": lambda socketio: socketio.on("connect", namespace="/notifier")(print),
    "on_event": lambda socketio: socketio.on_event("disconnect", print, "/notifier"),
    "event": lambda socketio: socketio.event(namespace="/notifier")(connect),
    "on_namespace": lambda socketio: socketio.on_namespace(Chat("/notifier")),
}


def connect() -> None: ...


@pytest.mark.parametrize("register", REGISTER.values(), ids=REGISTER)
def test_a_handler_that_the_host_registers_later_is_refused(
    register: Callable[[SocketIO], object],
) -> None:
    _, socketio = socketio_first()
    with pytest.raises(ConfigurationError, match="register yours elsewhere"):
        register(socketio)


def test_other_handlers_of_the_hosts_are_welcome_on_our_namespace_too() -> None:
    notifier, socketio = socketio_first()
    socketio.on_namespace(Quiet("/notifier"))
    socketio.on_namespace(Chat("/"))
    socketio.on("ask", namespace="/notifier")(lambda: "answered")
    client = connected(notifier.app, socketio)
    assert client.emit("ask", namespace="/notifier", callback=True) == "answered"
    notifier.stop(1)


def test_a_socketio_of_our_own_refuses_them_as_well() -> None:
    notifier = wired(host())
    notifier.socketio.on_event("connect", lambda: None, "/chat")
    with pytest.raises(ConfigurationError, match="'/', which the notifier needs"):
        notifier.socketio.on_event("connect", lambda: None)


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


def test_a_handler_put_past_flask_socketio_is_refused_at_the_first_request() -> None:
    app, socketio = with_socketio()
    app.testing = True
    wired(app, socketio=socketio)
    socketio.server.on("connect", lambda sid, environ: None, namespace="/notifier")
    with pytest.raises(ConfigurationError, match="set NOTIFIER_NAMESPACE"):
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
