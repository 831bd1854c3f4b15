"""WebSocket frames (RFC 6455), the server's side: writing them, and reading what clients send."""

from __future__ import annotations

import struct
from collections.abc import Callable

__all__ = ["BINARY", "CLOSE", "TEXT", "BadFrame", "Frames", "close_frame", "encode"]

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_KNOWN = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})

# Close codes, RFC 6455 section 7.4.1.
NORMAL, BROKEN, NOT_UTF8, TOO_BIG = 1000, 1002, 1007, 1009

_LARGEST_CONTROL = 125  # bytes, RFC 6455 section 5.5
_CHUNK = 4096  # bytes asked of the kernel at least; most frames are smaller


class BadFrame(Exception):
    """The client broke the protocol. ``code`` is the close code that says how."""

    def __init__(self, code: int, problem: str) -> None:
        super().__init__(problem)
        self.code = code


class _Ended(Exception):
    """The connection ended."""


def encode(payload: bytes, opcode: int) -> bytes:
    """One frame with all of ``payload``, unmasked as a server's are."""
    size = len(payload)
    if size <= 125:
        return bytes((0x80 | opcode, size)) + payload
    if size <= 0xFFFF:
        return struct.pack("!BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, size) + payload


def close_frame(code: int = NORMAL) -> bytes:
    """The frame that announces the end of the connection."""
    return encode(struct.pack("!H", code), CLOSE)


class Frames:
    """The messages of one client.

    ``recv`` reads up to so many bytes and returns none at the end; ``answer`` takes a frame that
    the protocol wants sent back; ``limit`` is the most bytes that one message may have.
    """

    __slots__ = ("_answer", "_limit", "_recv", "_unread")

    def __init__(
        self, recv: Callable[[int], bytes], answer: Callable[[bytes], object], limit: int
    ) -> None:
        self._recv = recv
        self._answer = answer
        self._limit = limit
        self._unread = b""

    def next(self) -> str | bytes | None:
        """Wait for the next message; None at the end. Raises BadFrame."""
        try:
            return self._message()
        except _Ended:
            return None

    def _message(self) -> str | bytes:
        kind = 0
        parts = bytearray()
        while True:
            final, opcode, payload = self._frame(self._limit - len(parts))
            if opcode >= CLOSE:
                self._control(opcode, payload)
                continue
            if (kind == 0) == (opcode == CONTINUATION):
                raise BadFrame(BROKEN, "a fragment is out of order")
            kind = kind or opcode
            parts += payload
            if final:
                return _decoded(kind, parts)

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == CLOSE:
            self._answer(encode(payload[:2], CLOSE))
            raise _Ended
        if opcode == PING:
            self._answer(encode(payload, PONG))

    def _frame(self, room: int) -> tuple[bool, int, bytes]:
        first, second = self._take(2)
        final, opcode, size = bool(first & 0x80), first & 0x0F, second & 0x7F
        _check(first, second, opcode)
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        if opcode < CLOSE and size > room:
            raise BadFrame(TOO_BIG, f"a message is over {self._limit} bytes")
        mask = self._take(4)
        return final, opcode, _unmasked(self._take(size), mask)

    def _take(self, size: int) -> bytes:
        if len(self._unread) < size:
            self._read(size)
        taken, self._unread = self._unread[:size], self._unread[size:]
        return taken

    def _read(self, size: int) -> None:
        read = bytearray(self._unread)
        while len(read) < size:
            part = self._recv(max(size - len(read), _CHUNK))
            if not part:
                raise _Ended
            read += part
        self._unread = bytes(read)


def _check(first: int, second: int, opcode: int) -> None:
    if first & 0x70:
        raise BadFrame(BROKEN, "reserved bits are set")
    if opcode not in _KNOWN:
        raise BadFrame(BROKEN, f"opcode {opcode} is unknown")
    if not second & 0x80:
        raise BadFrame(BROKEN, "a frame is not masked")
    if opcode >= CLOSE and (not first & 0x80 or second & 0x7F > _LARGEST_CONTROL):
        raise BadFrame(BROKEN, "a control frame is fragmented or too long")


def _unmasked(data: bytes, mask: bytes) -> bytes:
    size = len(data)
    pattern = (mask * (size // 4 + 1))[:size]
    mixed = int.from_bytes(data, "little") ^ int.from_bytes(pattern, "little")
    return mixed.to_bytes(size, "little")


def _decoded(kind: int, payload: bytearray) -> str | bytes:
    if kind == BINARY:
        return bytes(payload)
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        raise BadFrame(NOT_UTF8, "a text message is not UTF-8") from error
