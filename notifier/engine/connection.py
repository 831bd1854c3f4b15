"""A request that has become a WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engineio import packet

from . import handshake
from .frames import Frames
from .wire import Wire

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from .transport import LeanServer

__all__ = ["Connection"]


class Connection:
    """The two directions of a WebSocket: ``wire`` to the client, ``frames`` from it.

    Making one answers the handshake, which has been checked. Raises OSError if the client is gone.
    """

    __slots__ = ("_server", "frames", "wire")

    def __init__(self, server: LeanServer, environ: WSGIEnvironment) -> None:
        footing = server.footing
        sock = footing.socket(environ)
        sock.sendall(handshake.accept(environ))
        footing.upgraded(environ)
        stream = footing.stream(sock)
        self._server = server
        self.wire = Wire(stream, footing.guard(), server.sending)
        self.frames = Frames(stream.recv, self.wire.send, server.max_http_buffer_size)

    def probed(self, end_poll: Callable[[], Any]) -> bool:
        """Have the client of a polling session try the WebSocket; whether it goes on with it.

        ``end_poll`` is called when the client waits for its last poll. Raises BadFrame.
        """
        if self.frames.next() != "2probe":
            return False
        self.wire.send(self._server.framing.frame(packet.Packet(packet.PONG, "probe")))
        end_poll()
        return self.frames.next() == "5"
