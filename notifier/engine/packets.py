"""Packets of Engine.IO and Socket.IO: what clients may send, and how ours are framed."""

from __future__ import annotations

from typing import Any

import engineio.packet
import socketio.packet

from .frames import BINARY, TEXT, encode

__all__ = ["BadPacket", "CheckedPacket", "Framing", "decoded"]

# What the decoders of the two libraries raise for one or another piece of nonsense.
_NONSENSE = (ValueError, TypeError, LookupError, RecursionError)

_MOST_ATTACHMENTS = 16
_WITH_ARGUMENTS = {socketio.packet.EVENT, socketio.packet.BINARY_EVENT}
_ANSWERS = {socketio.packet.ACK, socketio.packet.BINARY_ACK}


class BadPacket(ValueError):
    """The client sent what is no packet."""


def decoded(message: str | bytes) -> Any:
    """The Engine.IO packet in a message of a client. Raises BadPacket."""
    try:
        return engineio.packet.Packet(encoded_packet=message)
    except _NONSENSE as error:
        raise BadPacket("not an Engine.IO packet") from error


class Framing:
    """Turns packets into WebSocket frames, once for all the recipients that follow each other."""

    def __init__(self) -> None:
        self._latest: tuple[Any, bytes] = (None, b"")

    def frame(self, packet: Any) -> bytes:
        """The frame of an Engine.IO packet."""
        latest, frame = self._latest
        if latest is packet:
            return frame
        encoded = packet.encode()
        if isinstance(encoded, str):
            frame = encode(encoded.encode(), TEXT)
        else:
            frame = encode(bytes(encoded), BINARY)
        self._latest = (packet, frame)
        return frame


class CheckedPacket(socketio.packet.Packet):  # type: ignore[misc]
    """A Socket.IO packet that raises BadPacket for whatever a client may not send."""

    def decode(self, encoded_packet: object) -> int:
        """Take a packet apart; the number of attachments that have to follow."""
        if not isinstance(encoded_packet, str):
            raise BadPacket("an attachment that belongs to nothing")
        try:
            attachments: int = super().decode(encoded_packet)
        except _NONSENSE as error:
            raise BadPacket("not a Socket.IO packet") from error
        self._check(attachments)
        return attachments

    def add_attachment(self, attachment: object) -> bool:
        """Take one attachment; whether it was the last."""
        try:
            return bool(super().add_attachment(attachment))
        except _NONSENSE as error:
            raise BadPacket("attachments that do not fit their packet") from error

    def _check(self, attachments: int) -> None:
        kind, data = self.packet_type, self.data
        if kind == socketio.packet.CONNECT:
            good = data is None or isinstance(data, dict)
        elif kind in _WITH_ARGUMENTS:
            good = isinstance(data, list) and bool(data) and isinstance(data[0], str)
        elif kind in _ANSWERS:
            good = isinstance(data, list) and self.id is not None
        else:
            good = kind == socketio.packet.DISCONNECT
        if not good or attachments > _MOST_ATTACHMENTS:
            raise BadPacket("a Socket.IO packet that clients may not send")
