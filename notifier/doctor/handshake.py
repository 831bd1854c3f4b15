"""A WebSocket client of the doctor's own: every failure of a proxy should be told apart."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import socket
import ssl
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

__all__ = ["Answer", "WebSocket", "connect", "place_of", "shake_hands", "socket_target"]

WAIT_SECONDS = 5.0
"""For a connection, and for an answer. What a page waits longer for counts as down."""

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_LARGEST_HEAD = 65_536  # bytes, of which servers send a few hundred
_LARGEST_BODY = 4_096  # bytes of an error page that are looked at
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What came instead of, or with, the upgrade."""

    status: int
    headers: dict[str, str]
    body: str = ""

    @property
    def server(self) -> str:
        """Who signed the answer, if anybody did."""
        return self.headers.get("server", "")


def place_of(url: str) -> SplitResult:
    """The parts of a public URL. Raises ValueError for one that is none."""
    place = urlsplit(url)
    if place.scheme not in ("http", "https") or not place.hostname:
        raise ValueError(f"{url!r} is no URL such as https://example.org")
    _ = place.port  # raises for one that is no number
    return place


def socket_target(place: SplitResult, socket_path: str) -> str:
    """What a client of Socket.IO asks for, below the public address."""
    return f"{place.path.rstrip('/')}{socket_path.rstrip('/')}/?EIO=4&transport=websocket"


def connect(place: SplitResult) -> socket.socket:
    """A connection, with TLS where the URL says so. Raises OSError (ssl.SSLError is one)."""
    port = place.port or (443 if place.scheme == "https" else 80)
    connection = socket.create_connection((str(place.hostname), port), timeout=WAIT_SECONDS)
    if place.scheme == "http":
        return connection
    try:
        return ssl.create_default_context().wrap_socket(connection, server_hostname=place.hostname)
    except BaseException:
        connection.close()
        raise


def shake_hands(
    place: SplitResult, target: str, origin: str, more: Sequence[str] = ()
) -> Answer | WebSocket:
    """Ask for a WebSocket as a page of ``origin`` would, with ``more`` header lines.

    Raises OSError, or ValueError for an answer that is not HTTP.
    """
    connection = connect(place)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {place.netloc.rpartition('@')[2]}",
        *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
        f"Sec-WebSocket-Key: {key}",
        f"Origin: {origin}",
        "User-Agent: notifier-doctor",
        *more,
    ]
    try:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return _answered(connection, key)
    except BaseException:
        connection.close()
        raise


def _answered(connection: socket.socket, key: str) -> Answer | WebSocket:
    received = b""
    while b"\r\n\r\n" not in received:
        if len(received) > _LARGEST_HEAD or not (part := connection.recv(4096)):
            raise ConnectionError("the connection was closed without an answer")
        received += part
    head, _, rest = received.partition(b"\r\n\r\n")
    status, headers = _parse(head)
    if status != 101:
        body = _rest_of(connection, rest, headers)
        connection.close()
        return Answer(status, headers, body)
    expected = base64.b64encode(
        hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()
    )
    if headers.get("sec-websocket-accept") != expected.decode():
        raise ValueError("the answer to the handshake belongs to another one (a cache?)")
    return WebSocket(connection, rest)


def _parse(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise ValueError(f"the answer is not HTTP: {first[:40]!r}")
    pairs = (line.partition(":") for line in lines)
    return int(rest[:3]), {name.strip().lower(): value.strip() for name, _, value in pairs}


def _rest_of(connection: socket.socket, received: bytes, headers: dict[str, str]) -> str:
    length = headers.get("content-length", "")
    wanted = min(int(length), _LARGEST_BODY) if length.isdigit() else 0
    while len(received) < wanted and (part := connection.recv(4096)):
        received += part
    return received[:_LARGEST_BODY].decode(errors="replace")


class WebSocket:
    """An open WebSocket. Reading raises OSError, TimeoutError among them, or ValueError."""

    def __init__(self, connection: socket.socket, received: bytes = b"") -> None:
        self._connection: Any = connection
        self._received = received

    def send(self, text: str) -> None:
        """Send a text message."""
        self._frame(_TEXT, text.encode())

    def receive(self, seconds: float) -> str:
        """The next text message, within ``seconds``. Pings are answered."""
        self._connection.settimeout(max(seconds, 0.01))
        message = b""
        while True:
            final, kind, payload = self._read_frame()
            if kind == _PING:
                self._frame(_PONG, payload)
            elif kind == _CLOSE:
                raise ConnectionError("the WebSocket was closed")
            elif kind < _CLOSE:
                message += payload
                if final:
                    return message.decode()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _frame(self, kind: int, payload: bytes) -> None:
        # All of it is short; a client masks what it sends (section 5.3).
        mask = secrets.token_bytes(4)
        size = (
            bytes([0x80 | len(payload)])
            if len(payload) < 126
            else bytes([0x80 | 126]) + struct.pack("!H", len(payload))
        )
        masked = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
        self._connection.sendall(bytes([0x80 | kind]) + size + mask + masked)

    def _read_frame(self) -> tuple[bool, int, bytes]:
        first, second = self._exactly(2)
        size = second & 0x7F
        if size >= 126:
            form, length = ("!H", 2) if size == 126 else ("!Q", 8)
            (size,) = struct.unpack(form, self._exactly(length))
        if second & 0x80 or size > _LARGEST_HEAD:
            raise ValueError("the frames are not those of a WebSocket server")
        return bool(first & 0x80), first & 0x0F, self._exactly(size)

    def _exactly(self, count: int) -> bytes:
        while len(self._received) < count:
            if not (part := self._connection.recv(4096)):
                raise ConnectionError("the connection was closed")
            self._received += part
        taken, self._received = self._received[:count], self._received[count:]
        return taken
