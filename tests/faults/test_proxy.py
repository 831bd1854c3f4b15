"""The proxy does to connections what it says, for everything else stands on that."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.faults.background import Background
from tests.faults.proxy import DOWN, UP, Proxy
from tests.support import wait_until

PATIENCE = 10.0
# Long enough for loopback to have delivered what it was going to deliver.
SILENCE = 0.2


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that sends back what it receives."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    background = Background()
    proxy = Proxy(background, echo)
    yield proxy
    proxy.close()
    background.close()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    """A connection through the proxy, over which something has gone back and forth."""
    with connect(proxy) as client:
        assert said(client, b"hello")
        yield client


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_echo, args=(connection,), daemon=True).start()


def _echo(connection: socket.socket) -> None:
    with connection:
        try:
            while data := connection.recv(100):
                connection.sendall(data)
        except ConnectionError:
            return


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), PATIENCE)


def said(client: socket.socket, data: bytes) -> bool:
    client.sendall(data)
    return client.recv(100) == data


def silent(client: socket.socket) -> bool:
    client.settimeout(SILENCE)
    try:
        client.recv(100)
    except TimeoutError:
        client.settimeout(PATIENCE)
        return True
    return False


def test_a_reset_is_no_end_of_file(proxy: Proxy, client: socket.socket) -> None:
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        client.recv(100)


def test_a_cut_by_fin_is_an_end_of_file(proxy: Proxy, client: socket.socket) -> None:
    proxy.cut(reset=False)
    assert client.recv(100) == b""


def test_refusing_leaves_open_connections_alone(proxy: Proxy, client: socket.socket) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    assert said(client, b"still here")


def test_a_black_hole_delivers_late_what_it_swallowed(proxy: Proxy, client: socket.socket) -> None:
    proxy.black_hole()
    client.sendall(b"swallowed")
    with connect(proxy) as newcomer:
        newcomer.sendall(b"too")
        assert silent(client)
        assert silent(newcomer)
        proxy.heal()
        assert (client.recv(100), newcomer.recv(100)) == (b"swallowed", b"too")


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_half_open_stays_so_while_others_pass(
    proxy: Proxy, client: socket.socket, direction: str
) -> None:
    assert proxy.half_open([direction]) == 1
    client.sendall(b"lost")
    assert silent(client)
    proxy.heal()
    assert silent(client)
    with connect(proxy) as newcomer:
        assert said(newcomer, b"hello")


def test_only_the_chosen_connections_are_half_open(proxy: Proxy, client: socket.socket) -> None:
    with connect(proxy) as other:
        assert said(other, b"hello")
        assert proxy.half_open(ports={other.getsockname()[1]}) == 1
        other.sendall(b"lost")
        assert silent(other)
    assert said(client, b"still here")


def test_a_server_that_ends_ends_the_client(proxy: Proxy, client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)
    assert client.recv(100) == b""


def test_after_a_refusal_it_heals(proxy: Proxy) -> None:
    proxy.refuse()
    proxy.heal()
    with connect(proxy) as client:
        wait_until(lambda: said(client, b"hello"))
