"""Handlers of a host's on our namespace, which are refused where they would take our place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask_socketio import Namespace, SocketIO

from notifier import ConfigurationError, Notifier
from tests.extension.hosts import (
    connected,
    host,
    socketio_first,
    wired,
    with_socketio,
)


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


def test_a_handler_put_past_flask_socketio_is_refused_at_the_first_request() -> None:
    app, socketio = with_socketio()
    app.testing = True
    wired(app, socketio=socketio)
    socketio.server.on("connect", lambda sid, environ: None, namespace="/notifier")
    with pytest.raises(ConfigurationError, match="set NOTIFIER_NAMESPACE"):
        app.test_client().get("/page")
