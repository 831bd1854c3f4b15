"""Clients for the transport's tests: many at once that answer heartbeats, and what they got."""

from __future__ import annotations

import json
import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

from tests.engine.served import Served, WebSocket

PONG = b"\x81\x81\0\0\0\x003"
PING = b"2"


def connect(served: Served, receive_buffer: int = 0) -> tuple[WebSocket, str]:
    """A client that has joined the namespace, and its Socket.IO id."""
    websocket = WebSocket(served.open(receive_buffer))
    websocket.receive()
    websocket.send(b"40")
    return websocket, str(json.loads(websocket.receive()[2:])["sid"])


def events(websocket: WebSocket, count: int) -> Iterator[dict[str, Any]]:
    """The next events; heartbeats in between are answered."""
    while count:
        payload = websocket.receive()
        if payload == PING:
            websocket.send(b"3")
            continue
        name, data = json.loads(payload.removeprefix(b"42"))
        assert name == "event"
        count -= 1
        yield data


class Crowd:
    """Clients that answer every heartbeat, in one thread, until `close`."""

    def __init__(self, websockets: list[WebSocket]) -> None:
        self.pings = dict.fromkeys(websockets, 0)
        self.received = dict.fromkeys(websockets, b"")
        self.lost: list[WebSocket] = []
        self._selector = selectors.DefaultSelector()
        for one in websockets:
            self._selector.register(one.connection, selectors.EVENT_READ, one)
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def least_pings(self) -> int:
        return min(self.pings.values())

    def close(self) -> None:
        self._closing = True
        self._thread.join()
        self._selector.close()
        for one in self.pings:
            one.close()

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select(0.05):
                self._read(key.data)

    def _read(self, one: WebSocket) -> None:
        data = one.connection.recv(65_536)
        if not data:
            self.lost.append(one)
            self._selector.unregister(one.connection)
        for payload in self._payloads(one, data):
            if payload == PING:
                self.pings[one] += 1
                one.connection.sendall(PONG)

    def _payloads(self, one: WebSocket, data: bytes) -> Iterator[bytes]:
        data = self.received[one] + data
        while len(data) >= 2 and len(data) >= 2 + data[1]:
            size, head = data[1], 2
            if size == 126:
                size, head = struct.unpack("!H", data[2:4])[0], 4
            if len(data) < head + size:
                break
            yield data[head : head + size]
            data = data[head + size :]
        self.received[one] = data


def flood(connection: socket.socket, frame: bytes, stop: threading.Event) -> None:
    """Send `frame` again and again, as fast as the kernel takes it."""
    data = frame * (65_536 // len(frame))
    while not stop.is_set():
        try:
            connection.sendall(data)
        except OSError:
            return
