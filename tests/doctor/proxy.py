"""A reverse proxy in few lines, to be wrong in one way at a time."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

Edit = Callable[[bytes], bytes]


def unchanged(head: bytes) -> bytes:
    return head


class Proxy:
    """Forwards each connection to `port`.

    `request` and `answer` edit the first head that goes each way, `instead` is what it answers
    itself to a WebSocket handshake, `at` what it answers at some paths, and with `mute` nothing
    that follows a 101 gets through. With `keeps` it is a cache that heeds nobody: whoever asks for
    an address gets the first good answer that was given there.
    """

    def __init__(
        self,
        port: int,
        *,
        request: Edit = unchanged,
        answer: Edit = unchanged,
        instead: bytes = b"",
        at: dict[str, bytes] | None = None,
        keeps: bool = False,
        mute: bool = False,
        silent: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._port = port
        self._request, self._answer = request, answer
        self._at, self._keeps = at or {}, keeps
        self._kept: dict[bytes, bytes] = {}
        self._instead, self._mute, self._silent, self._tls = instead, mute, silent, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"{'https' if tls else 'http'}://localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        # Without it the thread that accepts would keep the socket listening.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for one in (self._listener, *self._open):
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            client = self._tls.wrap_socket(client, server_side=True) if self._tls else client
            head = _head(client)
            handshake = b"websocket" in head.lower()
            if handshake and self._silent:
                return
            if handshake and self._instead:
                client.sendall(self._instead)
                client.close()
                return
            address = head.split(b" ")[1]
            own = self._at.get(address.decode()) or self._kept.get(address)
            if own:
                client.sendall(own)
                client.close()
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            self._open.append(server)
            server.sendall(self._request(head))
            threading.Thread(target=_pump, args=(client, server), daemon=True).start()
            answer = self._answer(_head(server))
            if handshake and self._mute:
                # What follows may have come with it.
                client.sendall(answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
                _pump(server, None)
            if self._keeps and b" 200 " in answer[:16]:
                answer = self._kept[address] = _whole(server, answer)
            client.sendall(answer)
            _pump(server, client)
            client.close()


def without(*names: str) -> Edit:
    """An edit that removes headers."""

    def edit(head: bytes) -> bytes:
        lines = head.split(b"\r\n")
        gone = tuple(f"{name}:".lower().encode() for name in names)
        return b"\r\n".join(line for line in lines if not line.lower().startswith(gone))

    return edit


def with_line(line: str) -> Edit:
    """An edit that sets a header."""

    def edit(head: bytes) -> bytes:
        first, rest = without(line.partition(":")[0])(head).split(b"\r\n", 1)
        return first + b"\r\n" + line.encode() + b"\r\n" + rest

    return edit


def honest(head: bytes) -> bytes:
    """The edit of a proxy that says itself where requests come from."""
    host = next(line[5:].strip() for line in head.split(b"\r\n") if line.lower()[:5] == b"host:")
    for line in ("X-Forwarded-Proto: http", f"X-Forwarded-Host: {host.decode()}"):
        head = with_line(line)(head)
    return without("X-Forwarded-Port")(head)


def answering(status: str, *headers: str, body: str = "") -> bytes:
    """A whole answer of the proxy's own."""
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body)}",
        "Server: proxy",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body.encode()


def _head(source: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received and (part := source.recv(65_536)):
        received += part
    return received


def _whole(source: socket.socket, answer: bytes) -> bytes:
    """`answer` with all of the body that its Content-Length promises."""
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(line for line in head.lower().split(b"\r\n") if b"content-length" in line)
    while len(body) < int(length.split(b":")[1]) and (part := source.recv(65_536)):
        body += part
    return head + b"\r\n\r\n" + body


def _pump(source: socket.socket, target: socket.socket | None) -> None:
    with contextlib.suppress(OSError):
        while part := source.recv(65_536):
            if target is not None:
                target.sendall(part)
