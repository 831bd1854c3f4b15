"""One Engine.IO session: a client's WebSocket, or its polls."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

from engineio import packet, socket
from engineio.exceptions import ContentTooLongError, EngineIOError, QueueEmpty

from . import handshake
from .connection import Connection
from .frames import BROKEN, BadFrame, close_frame
from .packets import BadPacket, decoded
from .polling import Mailbox, posted
from .wire import Wire

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from .transport import LeanServer

__all__ = ["Session"]

_MOST_LATE = 16  # messages of a client that was told to go and has not heard it yet


class Session(socket.Socket):  # type: ignore[misc]
    """A session of ``LeanServer``.

    The greenlet or thread of the WebSocket's own request reads from it; everybody writes to the
    wire. Before there is a wire packets go to a mailbox that polls empty.
    """

    def __init__(self, server: LeanServer, sid: str) -> None:
        # Not the base's: it makes a queue and looks at the wall clock.
        self.server = server
        self.sid = sid
        self.connected = self.upgrading = self.upgraded = False
        self.closing = self.closed = False
        self.session: dict[str, Any] = {}
        self._guard = server.footing.guard()
        self._wire: Wire | None = None
        self._mailbox: Mailbox | None = None
        self._trial: Wire | None = None
        self._reason: str | None = None
        self._address: object = None

    # -- sending --------------------------------------------------------------------------

    def send(self, pkt: Any) -> None:
        """Send an Engine.IO packet. It never waits and never raises."""
        wire = self._wire or self._keep(pkt)
        if wire is not None and not self.closed:
            wire.send(self.server.framing.frame(pkt))

    def _keep(self, pkt: Any) -> Wire | None:
        """Keep a packet for the next poll, or return the wire that has come meanwhile."""
        with self._guard:
            if self._wire is not None:
                return self._wire
            fits = self.closed or self._box().put(pkt)
        if not fits:
            self.server.note_slow()
            self._close_soon(self.server.reason.TRANSPORT_ERROR)
        return None

    def poll(self) -> list[Any]:
        """Wait for packets and take them; none at the end. Raises QueueEmpty after the budget."""
        with self._guard:
            box = self._box()
        packets = box.wait(self.server.ping_interval + self.server.ping_timeout)
        if packets or self.closed:
            return packets
        if self.upgrading or self.upgraded:
            return [packet.Packet(packet.NOOP)]
        raise QueueEmpty

    def ping(self) -> None:
        """Send a heartbeat (see ``Peer``)."""
        self.send(self.server.ping_packet)

    def schedule_ping(self) -> None:
        """Nothing: the server has one heartbeat for all."""

    # -- receiving ------------------------------------------------------------------------

    def receive(self, pkt: Any) -> None:
        """Take a packet of the client. Raises BadPacket."""
        kind = pkt.packet_type
        if kind == packet.PONG:
            self.server.heartbeat.answered(self)
        elif kind == packet.MESSAGE:
            self._message(pkt.data)
        elif kind == packet.CLOSE:
            self.close(wait=False, abort=True, reason=self.server.reason.CLIENT_DISCONNECT)
        elif kind not in {packet.UPGRADE, packet.NOOP}:
            raise BadPacket("a packet that only servers send")

    def _message(self, data: Any) -> None:
        if not isinstance(data, str | bytes) or not data:
            raise BadPacket("not a Socket.IO packet")
        handler = self.server.handlers.get("message")
        if handler is None:
            return
        try:
            handler(self.sid, data)
        except BadPacket:
            raise
        except Exception:
            self.server.logger.exception("message handler error")

    # -- requests -------------------------------------------------------------------------

    def handle_get_request(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        """Answer a poll, or a request to go on over a WebSocket. Raises EngineIOError."""
        if handshake.asked_for(environ):
            return self._upgrade(environ)
        if self.upgrading or self.upgraded:
            return [packet.Packet(packet.NOOP)]
        try:
            return self.poll()
        except QueueEmpty:
            self.close(wait=False, reason=self.server.reason.TRANSPORT_ERROR)
            raise

    def handle_post_request(self, environ: WSGIEnvironment) -> None:
        """Take the packets of a POST. Raises EngineIOError, after which the session is closed."""
        self._address = environ.get("REMOTE_ADDR")
        try:
            for pkt in posted(environ, self.server.max_http_buffer_size):
                self.receive(pkt)
        except ContentTooLongError as error:
            self._blame(error)
            raise
        except BadPacket as error:
            self._blame(error)
            self.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_ERROR)
            raise EngineIOError(str(error)) from error

    def open(self, environ: WSGIEnvironment, opening: Any) -> Any:
        """Be a WebSocket from the first packet on, which is ``opening``, until it ends."""
        self.connected = True
        self._address = environ.get("REMOTE_ADDR")
        try:
            connection = Connection(self.server, environ)
        except OSError:
            self.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_ERROR)
            raise
        self._attach(connection.wire)
        self.send(opening)
        return self._followed(environ, connection)

    def _upgrade(self, environ: WSGIEnvironment) -> Any:
        wrong = handshake.problem(environ)
        if wrong or self.upgrading or self.upgraded:
            return self.server.bad_request(wrong or "Upgraded already")
        self.upgrading = True
        try:
            connection = Connection(self.server, environ)
            self._trial = connection.wire
            self.upgraded = connection.probed(lambda: self._box().wake())
        except BadFrame as error:
            self._blame(error)
        finally:
            self._trial = None
            self.upgrading = False
        if self.upgraded:
            self._attach(connection.wire)
            return self._followed(environ, connection)
        return self.server.footing.follow(environ, connection.wire.end)

    def _followed(self, environ: WSGIEnvironment, connection: Connection) -> Any:
        # Socket.IO's CONNECT runs handlers, for which a stack grows: that of the request will do.
        goes_on = self._follow(connection, most=1)
        rest = functools.partial(self._follow, connection) if goes_on else lambda: None
        return self.server.footing.follow(environ, rest)

    def _follow(self, connection: Connection, most: int = sys.maxsize) -> bool:
        """Read ``most`` messages, or until the WebSocket ends; whether it goes on."""
        goes_on = False
        try:
            goes_on = self._read(connection, most)
        except (BadFrame, BadPacket) as error:
            self._blame(error)
            self._reason = self.server.reason.TRANSPORT_ERROR
            connection.wire.finish(close_frame(getattr(error, "code", BROKEN)))
        finally:
            if not goes_on:
                self._end(connection.wire)
        return goes_on

    def _read(self, connection: Connection, most: int) -> bool:
        late = 0
        for _ in range(most):
            message = connection.frames.next()
            if message is None or late >= _MOST_LATE:
                return False
            if self.closed:
                late += 1
            else:
                self.receive(decoded(message))
            # A client that never stops sending must not keep everybody else from running.
            self.server.sleep(0)
        return True

    def _end(self, wire: Wire) -> None:
        self.close(False, True, self._reason or self.server.reason.TRANSPORT_CLOSE)
        wire.await_flush()
        self.server.heartbeat.forget(self)
        wire.end()

    def _attach(self, wire: Wire) -> None:
        self.upgraded = True
        with self._guard:
            for pkt in self._mailbox.take() if self._mailbox else ():
                wire.send(self.server.framing.frame(pkt))
            self._mailbox = None
            self._wire = wire

    # -- ending ---------------------------------------------------------------------------

    def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """End the session: its handlers are told, then the client unless ``abort``.

        ``wait`` for a client that takes what is held for it, a second at most.
        """
        with self._guard:
            if self.closing:
                return
            self.closing = True
        server = self.server
        server.heartbeat.forget(self)
        server.tell_disconnect(self.sid, reason or server.reason.SERVER_DISCONNECT)
        wire = self._wire
        if wire is None:
            self._leave(abort)
        else:
            if not abort:
                wire.send(server.framing.frame(packet.Packet(packet.CLOSE)))
                wire.finish(close_frame())
            self.closed = True
            # The client should hang up now; one that does not is cut.
            server.heartbeat.expect_end(self)
            if wait:
                wire.await_flush()
        server.sockets.pop(self.sid, None)

    def overdue(self) -> None:
        """End a session whose client is silent (see ``Peer``)."""
        if not self.closing:
            self.server.counts.silent += 1
            self._reason = self.server.reason.PING_TIMEOUT
        if self._wire is not None:
            self._wire.cut()  # its reader does the rest
        else:
            self._close_soon(self.server.reason.PING_TIMEOUT)

    def _leave(self, abort: bool) -> None:
        if self._trial is not None:
            self._trial.cut()
        with self._guard:
            if not abort and self._wire is None:
                self._box().put(packet.Packet(packet.CLOSE))
            self.closed = True
            if self._mailbox is not None:
                self._mailbox.wake()

    def _close_soon(self, reason: str) -> None:
        # Handlers of the application run, which may wait: not in whoever noticed.
        self.server.start_background_task(self.close, False, True, reason)

    def _blame(self, error: Exception) -> None:
        self.server.blame(self._address, error)

    def _box(self) -> Mailbox:
        if self._mailbox is None:
            self._mailbox = Mailbox()
        return self._mailbox
