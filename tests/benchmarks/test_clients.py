"""What the load generator understands of a server's bytes."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from benchmarks.load.loop import Loop
from benchmarks.load.sockets import Client, Crowd

SHAKEN = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
PUSH = b'42["unread_message_count",{"name":"unread_message_count","data":3,"timestamp":12.5}]'
LONG = PUSH.replace(b'"data":3', b'"data":3,"more":"' + b"x" * 60 + b'"')


def frame(payload: bytes) -> bytes:
    size = len(payload)
    return b"\x81" + (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2)) + payload


@pytest.fixture
def client() -> Iterator[Client]:
    one = Client(Crowd(Loop()), 7, "alice", "a token")
    one.buffer, one.state = b"", "shaking"
    one.sock, server = socket.socketpair()
    yield one
    one.sock.close()
    server.close()


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_pushes_are_found_however_the_bytes_are_cut(client: Client, size: int) -> None:
    stream = SHAKEN + b"".join(map(frame, (b'0{"sid":"x"}', b'40{"sid":"y"}', PUSH, b"2", LONG)))
    for at in range(0, len(stream), size):
        data = stream[at : at + size]
        client._take(client.buffer + data)
    assert client.state == "live"
    assert [(number, stamp) for _, number, stamp in client.crowd.arrivals] == [(7, 12.5)] * 2
    assert client.crowd.heartbeats == 1


def test_a_head_is_noted_apart_from_the_pushes(client: Client) -> None:
    client._take(SHAKEN + frame(b'42["head",{"timestamp":1682479141.5}]'))
    assert client.head == 1682479141.5
    assert client.crowd.arrivals == []
