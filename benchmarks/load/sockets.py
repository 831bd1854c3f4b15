"""Socket.IO clients over WebSockets: just what the servers send, and no more."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time
from collections.abc import Callable

from benchmarks.load.loop import READ, WRITE, Loop

HANDSHAKE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
EVENT = b'42["unread_message_count"'
HEAD = b'42["head"'
STAMP = b'"timestamp":'
PONG = b"\x81\x81\0\0\0\x003"
LARGEST_READ = 65_536


class Client:
    """One socket of one user, from connecting to the events it is sent."""

    __slots__ = ("buffer", "crowd", "cursor", "head", "number", "sock", "state", "token", "user")

    def __init__(self, crowd: Crowd, number: int, user: str, token: str) -> None:
        self.crowd = crowd
        self.number = number
        self.user = user
        self.token = token
        self.state = "closed"
        self.cursor = 0.0
        self.head = -1.0

    def open(self) -> None:
        """Begin to connect."""
        self.buffer = b""
        self.head = -1.0
        self.state = "connecting"
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.connect_ex(("127.0.0.1", self.crowd.port))
        self.crowd.loop.add(self.sock.fileno(), WRITE, self.ready)

    def ready(self, events: int) -> None:
        if self.state == "connecting":
            self._connected()
            return
        try:
            data = self.sock.recv(LARGEST_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._take(self.buffer + data if self.buffer else data)
        else:
            self._lost()

    def close(self) -> None:
        """Hang up."""
        if self.state != "closed":
            self.state = "closed"
            self.crowd.loop.remove(self.sock.fileno())
            self.sock.close()

    def _connected(self) -> None:
        if self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._lost()
            return
        self.state = "shaking"
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.crowd.loop.change(self.sock.fileno(), READ)
        self._send(HANDSHAKE)

    def _take(self, data: bytes) -> None:
        if self.state == "shaking":
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self.buffer = head
                return
            self._shaken(head)
        at, size = 0, len(data)
        while size - at >= 2 and self.state != "closed":
            length, start = data[at + 1], at + 2
            if length == 126:
                if size - at < 4:
                    break
                (length,), start = struct.unpack_from(">H", data, start), at + 4
            if size - start < length:
                break
            at = start + length
            self._frame(data[start:at])
        self.buffer = data[at:]

    def _shaken(self, head: bytes) -> None:
        if head.startswith(b"HTTP/1.1 101"):
            self.state = "joining"
        else:
            self._lost()

    def _frame(self, packet: bytes) -> None:
        if packet.startswith(EVENT):
            self.cursor = max(self.cursor, _stamp(packet))
            self.crowd.arrived(self, packet)
        elif packet == b"2":
            self.crowd.heartbeats += 1
            self._send(PONG)
        elif packet.startswith(b"0"):
            self._send(_text(b"40" + json.dumps({"token": self.token}).encode()))
        elif packet.startswith(b"40"):
            self.state = "live"
            self.crowd.joined(self)
        elif packet.startswith(HEAD):
            self.head = _stamp(packet)
            self.crowd.told(self)
        elif packet.startswith((b"44", b"41")) or packet[:1] == b"\x03":
            self._lost()

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.sock.send(data)

    def _lost(self) -> None:
        was = self.state
        self.close()
        self.crowd.lost(self, was)


class Crowd:
    """All clients, and what they were sent since ``forget``."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.port = 0
        self.clients: list[Client] = []
        self.heartbeats = 0
        self.joined: Callable[[Client], None] = lambda _client: None
        self.told: Callable[[Client], None] = lambda _client: None
        self.lost: Callable[[Client, str], None] = lambda _client, _was: None
        self.forget()

    def forget(self) -> None:
        """Begin to record anew."""
        self.arrivals: list[tuple[float, int, float]] = []
        self.heartbeats = 0

    def arrived(self, client: Client, packet: bytes) -> None:
        """Record a push."""
        self.arrivals.append((time.time(), client.number, _stamp(packet)))

    def live(self) -> int:
        """How many clients are connected for good."""
        return sum(client.state == "live" for client in self.clients)


def _stamp(packet: bytes) -> float:
    at = packet.index(STAMP) + len(STAMP)
    end = at
    while packet[end] in b" 0123456789.eE+":
        end += 1
    return float(packet[at:end])


def _text(payload: bytes) -> bytes:
    """A frame of text, masked with zeros."""
    if len(payload) < 126:
        return bytes((0x81, 0x80 | len(payload))) + b"\0\0\0\0" + payload
    return b"\x81\xfe" + struct.pack(">H", len(payload)) + b"\0\0\0\0" + payload
