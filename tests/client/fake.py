"""A server that says what a test wants it to say, over HTTP and over a WebSocket."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Reply = tuple[int, dict[str, str], Any]
Talk = Callable[["Peer"], None]

OPEN = '0{"sid":"1","pingInterval":25000,"pingTimeout":20000,"upgrades":[]}'
_KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


class Peer:
    """The server's end of a WebSocket; texts shorter than 126 bytes only."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._input = connection.makefile("rb")

    def send(self, text: str) -> None:
        data = text.encode()
        head = struct.pack("!BB", 0x81, len(data)) if len(data) < 126 else b""
        self._connection.sendall((head or struct.pack("!BBH", 0x81, 126, len(data))) + data)

    def receive(self) -> str:
        """The next text; "" at the end."""
        head = self._input.read(2)
        if len(head) < 2:
            return ""
        size = head[1] & 127
        if size == 126:
            (size,) = struct.unpack("!H", self._input.read(2))
        mask = self._input.read(4)
        data = self._input.read(size)
        return bytes(byte ^ mask[n % 4] for n, byte in enumerate(data)).decode(errors="replace")

    def sign_in(self, head: float | None = None) -> str:
        """Let the client in, and tell it a head if there is one; the token it sent."""
        self.send(OPEN)
        token = str(json.loads(self.receive().removeprefix("40"))["token"])
        self.send('40{"sid":"2"}')
        if head is not None:
            self.emit("head", {"timestamp": head})
        return token

    def refuse(self, code: str) -> str:
        """Let the client not in; the token it sent."""
        self.send(OPEN)
        token = str(json.loads(self.receive().removeprefix("40"))["token"])
        self.send("44" + json.dumps({"message": "no", "data": {"code": code}}))
        return token

    def emit(self, name: str, payload: object) -> None:
        self.send("42" + json.dumps([name, payload]))

    def wait(self) -> None:
        """Until the client hangs up."""
        while self.receive():
            pass


class FakeServer:
    """``answers`` are given one after the other, the last one for ever; ``asked`` is each poll.

    ``talks`` are had with one socket after the other; who comes later is turned away with a 503,
    or sent to where the server has ``moved``.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: list[Reply] = [(200, {}, [])]
        self.asked: list[tuple[str, str]] = []
        self.talks: list[Talk] = []
        self.moved = ""
        self.turned_away = 0
        self._scheme = "http" if tls is None else "https"
        self._http = _Quiet(("127.0.0.1", 0), _handler(self))
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"{self._scheme}://localhost:{self._http.server_port}"

    @property
    def tokens(self) -> list[str]:
        return [token for _, token in self.asked]

    @property
    def sinces(self) -> list[float]:
        return [float(path.rpartition("=")[2]) for path, _ in self.asked]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.shutdown()
        self._thread.join(10)
        self._http.server_close()

    def reply(self, path: str, token: str) -> Reply:
        self.asked.append((path, token))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_arguments: object) -> None:
        """A client that distrusts our certificate, or hangs up, is no news."""


def _handler(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "Upgrade" not in self.headers:
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                self.answer(*server.reply(self.path, token))
            elif server.talks:
                self.talk(server.talks.pop(0))
            else:
                server.turned_away += 1
                self.answer(302 if server.moved else 503, {"Location": server.moved}, None)

        def answer(self, status: int, headers: dict[str, str], content: Any) -> None:
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def talk(self, talk: Talk) -> None:
            key = self.headers["Sec-WebSocket-Key"] + _KEY
            accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()  # noqa: S324
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Accept", accept)
            self.end_headers()
            self.close_connection = True
            talk(Peer(self.connection))

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler


def event(data: object, timestamp: float = 1.0, name: str = "step") -> dict[str, object]:
    return {"name": name, "data": data, "timestamp": timestamp}


def push(data: object, timestamp: float, previous: float, name: str = "step") -> dict[str, object]:
    return {**event(data, timestamp, name), "previous": previous}
