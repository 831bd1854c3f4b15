"""Just enough HTTP and WebSocket for clients by the hundred on one asyncio loop."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
from dataclasses import dataclass
from typing import Any

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_FINAL, _MASKED = 0x80, 0x80


@dataclass(frozen=True)
class Answer:
    """What a request was answered."""

    status: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


class Refusal(OSError):
    """The server answered a handshake with something else."""


async def request(
    port: int, method: str, path: str, token: str, content: object = None, timeout: float = 15.0
) -> Answer:
    """One request on a connection of its own. Raises OSError, which TimeoutError is too."""
    body = b"" if content is None else json.dumps(content).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(head.encode() + body)
            status, headers = await _head(reader)
            return Answer(status, headers, await reader.readexactly(int(headers["content-length"])))
        except (asyncio.IncompleteReadError, ValueError, KeyError) as error:
            raise ConnectionError(f"half an answer to {method} {path}") from error
        finally:
            writer.close()


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    raw = await reader.readuntil(b"\r\n\r\n")
    first, *lines = raw.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return int(first.split()[1]), headers


async def _connect(
    port: int, receive_buffer: int | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        return await asyncio.open_connection(sock=sock)
    except BaseException:
        sock.close()
        raise


class WebSocket:
    """A client's end of a WebSocket that carries text."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.local_port = int(writer.get_extra_info("sockname")[1])

    @classmethod
    async def open(
        cls, port: int, path: str, timeout: float = 15.0, receive_buffer: int | None = None
    ) -> WebSocket:
        """Connect and shake hands. Raises OSError."""
        key = base64.b64encode(os.urandom(16)).decode()
        head = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        async with asyncio.timeout(timeout):
            reader, writer = await _connect(port, receive_buffer)
            try:
                writer.write(head.encode())
                status, _ = await _head(reader)
            except (asyncio.IncompleteReadError, ValueError) as error:
                writer.close()
                raise ConnectionError("half an answer to a handshake") from error
            except BaseException:
                writer.close()
                raise
        if status != 101:
            writer.close()
            raise Refusal(f"the handshake was answered {status}")
        return cls(reader, writer)

    async def receive(self, timeout: float) -> str:
        """The next text. Raises OSError at the end of the connection or after ``timeout`` s."""
        async with asyncio.timeout(timeout):
            try:
                while True:
                    opcode, payload = await self._frame()
                    if opcode == _TEXT:
                        return payload.decode()
                    if opcode == _CLOSE:
                        raise ConnectionError("the server closed the WebSocket")
                    if opcode == _PING:
                        self._send(_PONG, payload)
            except asyncio.IncompleteReadError as error:
                raise ConnectionError("the connection ended") from error

    def send(self, text: str) -> None:
        """Send a text."""
        self._send(_TEXT, text.encode())

    @property
    def closed(self) -> bool:
        """Whether the connection is known to have ended."""
        return self._writer.is_closing()

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    def stop_reading(self) -> None:
        """Leave everything that comes in the kernel's buffer, for ever."""
        transport = self._writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()

    async def _frame(self) -> tuple[int, bytes]:
        first, length = await self._reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack(">H", await self._reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", await self._reader.readexactly(8))
        return first & 0x0F, await self._reader.readexactly(length)

    def _send(self, opcode: int, payload: bytes) -> None:
        mask = os.urandom(4)
        length = len(payload)
        if length < 126:
            head = bytes([_FINAL | opcode, _MASKED | length])
        else:
            head = bytes([_FINAL | opcode, _MASKED | 126]) + struct.pack(">H", length)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        self._writer.write(head + mask + masked)
