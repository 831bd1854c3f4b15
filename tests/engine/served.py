"""gunicorn with our worker around an app of these tests, and the least of a WebSocket client."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.services.process import Process, Reaper
from tests.services.server import clean_environment
from tests.support import ROOT, free_port, wait_until

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
)


class Served:
    """One gunicorn master and its workers on a free port, or a server without workers.

    ``footing`` is what a connection waits on: ``eventlet``, ``gevent``, ``threads`` (of Flask's own
    server) or ``gevent's own``.
    """

    def __init__(
        self, folder: Path, reaper: Reaper, *options: str, footing: str = "eventlet", **env: str
    ) -> None:
        self.port = free_port()
        self._has_workers = footing in {"eventlet", "gevent"}
        self.wrap: Callable[[socket.socket], socket.socket] = lambda connection: connection
        gunicorn = ["gunicorn", "-c", "tests/engine/gunicorn.conf.py"]
        gunicorn += ["-k", "gevent", "--graceful-timeout", "1"] if footing == "gevent" else []
        gunicorn += ["-b", f"127.0.0.1:{self.port}", *options, "tests.engine.app:app"]
        flask = ["flask", "--app", "tests.engine.app:app", "run", "--port", str(self.port)]
        own = ["tests.engine.gevent_server", str(self.port)]
        command = {"threads": flask, "gevent's own": own}.get(footing, gunicorn)
        self.process = Process(
            [sys.executable, "-m", *command],
            reaper=reaper,
            log=folder / f"served-{self.port}.log",
            env=clean_environment(**env),
            cwd=ROOT,
        )

    def wait_ready(self) -> None:
        wait_until(lambda: not self.process.running or self.answers(), message="the app answers")
        self.first_log = self.output()
        assert self.process.running, self.output()

    def answers(self) -> bool:
        try:
            return self.get("/pid")[0] == 200
        except OSError:
            return False

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        connection.sock = self.open()
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    def get_json(self, path: str, **headers: str) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.get(path, **headers)[1])
        return found

    def open(self, receive_buffer: int = 0) -> socket.socket:
        connection = socket.socket()
        connection.settimeout(15)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            connection.connect(("127.0.0.1", self.port))
            return self.wrap(connection)
        except OSError:
            connection.close()
            raise

    def websocket(self, **headers: str) -> WebSocket:
        return WebSocket(self.open(), **headers)

    def workers(self) -> list[psutil.Process]:
        master = psutil.Process(self.process.pid)
        return master.children() if self._has_workers else [master]

    def counts(self) -> dict[str, int]:
        """What the transport counts (see `emitting.py`)."""
        found: dict[str, int] = json.loads(self.get("/counts")[1])
        return found

    def output(self) -> str:
        return self.process.output()

    def said(self, text: str) -> None:
        wait_until(lambda: text in self.output(), message=f"the log says {text!r}")


class WebSocket:
    """A Socket.IO connection, byte by byte. `headers` take _ for -."""

    def __init__(
        self,
        connection: socket.socket,
        path: str = "/socket.io/?EIO=4&transport=websocket",
        **headers: str,
    ) -> None:
        self.connection = connection
        self.input = connection.makefile("rb")
        host = headers.pop("Host", "127.0.0.1")
        lines = "".join(f"{key.replace('_', '-')}: {value}\r\n" for key, value in headers.items())
        connection.sendall(HANDSHAKE.format(path=path, host=host, headers=lines).encode())
        self.status = int(self.input.readline().split()[1])
        self.headers: dict[str, str] = {}
        while line := self.input.readline().strip():
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()

    def connect(self) -> WebSocket:
        """Join the namespace, as every Socket.IO client does first."""
        assert self.status == 101
        assert self.receive().startswith(b"0{")
        self.send(b"40")
        assert self.receive().startswith(b"40{")
        return self

    def send(self, payload: bytes, opcode: int = 1) -> None:
        size = len(payload)
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | min(size, 126))
        long = struct.pack("!H", size) if size > 125 else b""
        self.connection.sendall(head + long + bytes(4) + payload)

    def receive(self) -> bytes:
        """The payload of the next frame, b"" at the end of the connection."""
        if len(head := self.input.read(2)) < 2:
            return b""
        length = head[1]
        if length == 126:
            (length,) = struct.unpack("!H", self.input.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.input.read(8))
        return self.input.read(length)

    def receive_all(self) -> bytes:
        """Everything until the other side closes, frame heads included."""
        return self.input.read()

    def close(self) -> None:
        self.input.close()
        self.connection.close()


def gone(pid: int) -> bool:
    """Tell whether a process has ended, reaped or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_gone(*pids: int, timeout: float = 10.0) -> None:
    wait_until(lambda: all(map(gone, pids)), timeout, message=f"processes {pids} end")
