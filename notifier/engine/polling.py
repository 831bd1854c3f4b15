"""Long polling: what waits for a client's next GET, and what a POST of it holds."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from engineio import payload
from engineio.exceptions import ContentTooLongError

from .packets import BadPacket
from .wire import MOST_BYTES, MOST_PACKETS

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["Mailbox", "posted"]


class Mailbox:
    """Packets that wait for the next poll. One poll at a time empties it."""

    def __init__(self, packets: int = MOST_PACKETS, size: int = MOST_BYTES) -> None:
        self._most_packets = packets
        self._most_bytes = size
        self._packets: list[Any] = []
        self._size = 0
        self._lock = threading.Lock()
        self._news = threading.Event()

    def put(self, packet: Any) -> bool:
        """Add a packet; False if there is no room."""
        size = len(packet.encode())
        with self._lock:
            full = len(self._packets) >= self._most_packets or self._size + size > self._most_bytes
            if self._packets and full:
                return False
            self._packets.append(packet)
            self._size += size
            self._news.set()
            return True

    def wake(self) -> None:
        """Let the poll that waits go, with what there is."""
        self._news.set()

    def wait(self, timeout: float) -> list[Any]:
        """Wait for packets, or ``wake``, or ``timeout`` seconds; those that fit into an answer."""
        self._news.wait(timeout)
        return self.take(payload.Payload.max_decode_packets)

    def take(self, most: int | None = None) -> list[Any]:
        """Up to ``most`` packets, or all there are."""
        with self._lock:
            taken = self._packets[:most]
            del self._packets[: len(taken)]
            self._size -= sum(len(packet.encode()) for packet in taken)
            if not self._packets:
                self._news.clear()
            return taken


def posted(environ: WSGIEnvironment, limit: int) -> list[Any]:
    """The packets of a POST. Raises ContentTooLongError over ``limit`` bytes, or BadPacket."""
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > limit:
            raise ContentTooLongError(f"a POST of {length} bytes; {limit} are allowed")
        body = environ["wsgi.input"].read(length).decode()
        packets: list[Any] = payload.Payload(encoded_payload=body).packets
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise BadPacket("not a payload of packets") from error
    return packets
