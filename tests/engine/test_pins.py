"""The private names of other libraries that the lean transport stands on.

A new version may move them. Then this says which, before anything stranger happens. The files
of `notifier/engine/` that use each are named.
"""

from __future__ import annotations

import inspect
import ssl

import engineio
import engineio.base_server
import engineio.socket
import flask_socketio
import pytest
import socketio

OVERRIDDEN = [
    (engineio.Server, "_handle_connect", "environ start_response transport jsonp_index"),
    (socketio.Server, "_engineio_server_class", ""),
    (engineio.Server, "send_packet", "sid pkt"),
    (engineio.Server, "shutdown", ""),
    (engineio.socket.Socket, "handle_get_request", "environ start_response"),
    (engineio.socket.Socket, "handle_post_request", "environ"),
    (engineio.socket.Socket, "send", "pkt"),
    (engineio.socket.Socket, "poll", ""),
    (engineio.socket.Socket, "receive", "pkt"),
    (engineio.socket.Socket, "close", "wait abort reason"),
    (engineio.socket.Socket, "schedule_ping", ""),
    (socketio.packet.Packet, "decode", "encoded_packet"),
    (socketio.packet.Packet, "add_attachment", "attachment"),
    (flask_socketio.SocketIO, "init_app", "app kwargs"),
]

CALLED = [
    (engineio.Server, "_bad_request", "message"),
    (engineio.Server, "_unauthorized", "message"),
    (engineio.Server, "_ok", "packets headers jsonp_index"),
    (engineio.Server, "_upgrades", "sid transport"),
    (engineio.Server, "_generate_sid_cookie", "sid attributes"),
    (engineio.Server, "_trigger_event", "event args kwargs"),
]


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [*OVERRIDDEN, *CALLED],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)
def test_a_name_that_transport_py_or_session_py_uses_is_where_it_was(
    owner: type, name: str, parameters: str
) -> None:
    found = list(inspect.signature(getattr(owner, name)).parameters)
    assert found == ["self", *parameters.split()]


def test_nothing_else_of_a_stock_session_is_used_by_the_stock_server() -> None:
    source = inspect.getsource(engineio.Server) + inspect.getsource(engineio.base_server.BaseServer)
    outside = source.split("def _service_task")[0]
    known = {"handle_get_request", "handle_post_request", "send", "poll", "close", "schedule_ping"}
    methods = {name for name, _ in inspect.getmembers(engineio.socket.Socket, inspect.isfunction)}
    used = {name for name in methods for of in ("s", "socket") if f" {of}.{name}(" in outside}
    assert used - {"handle_get_request"} <= known


def test_flask_socketio_keeps_its_server_and_its_middleware_where_we_exchange_them() -> None:
    import flask

    socketio_ = flask_socketio.SocketIO(flask.Flask("app"), async_mode="threading")
    assert socketio_.sockio_mw.engineio_app is socketio_.server
    assert isinstance(socketio_.server_options, dict)
    assert (socketio_.handlers, socketio_.namespace_handlers) == ([], [])


def test_the_green_socket_has_a_real_one_and_tls_a_plain_send_below_its_own() -> None:
    from eventlet.green.ssl import GreenSSLSocket
    from eventlet.greenio import GreenSocket

    green = GreenSocket()
    assert green.fd.gettimeout() == 0  # never blocking, whatever the green one says
    green.close()
    assert GreenSSLSocket.__mro__[1].__name__ == "SSLSocket"
    assert "_sslobj.write(" in inspect.getsource(ssl.SSLSocket.send)


def test_eventlets_server_lets_a_handler_say_that_it_has_answered() -> None:
    from eventlet import wsgi

    source = inspect.getsource(wsgi.HttpProtocol)
    assert "WSGI_LOCAL.already_handled" in source
    assert "self.rfile.closed" in source  # green.py closes it to free its buffer
    assert "get_socket" in dir(wsgi.Input)
