"""The lean transport: Engine.IO without a queue and a writer for each connection.

A packet is encoded and framed once and written straight to the sockets of all its recipients.
What a client does not read is held, within bounds, and then the client is cut. One background
task sends all heartbeats, by a clock that nobody sets. Private names of python-engineio and
python-socketio that this overrides are pinned in ``tests/engine/test_pins.py``.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import engineio
import flask
import flask_socketio
import socketio
from engineio import packet

from . import handshake
from .heartbeat import Heartbeat
from .packets import CheckedPacket, Framing
from .session import Session
from .wire import Sending

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["LeanServer", "LeanSocketIO", "socketio_class"]

log = logging.getLogger("notifier.engine")


def socketio_class(engine: str) -> type[flask_socketio.SocketIO]:
    """The Flask-SocketIO for transport ``lean`` or ``stock``."""
    return LeanSocketIO if engine == "lean" else flask_socketio.SocketIO


@dataclass
class Counts:
    """How sessions of this process ended that did not end well."""

    slow: int = 0  # clients that did not read
    silent: int = 0  # clients that did not answer a heartbeat
    bad: int = 0  # clients that broke the protocol


class LeanServer(engineio.Server):  # type: ignore[misc]
    """An Engine.IO server whose sessions are ``Session``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "monitor_clients": False})
        self.footing: Any = _footing(self.async_mode)
        self.framing = Framing()
        self.counts = Counts()
        self.ping_packet = packet.Packet(packet.PING)
        self.heartbeat = Heartbeat(self.ping_interval, self.ping_timeout)
        self.sending = Sending(
            self.start_background_task,
            self.sleep,
            self.ping_interval + self.ping_timeout,
            self.note_slow,
        )
        self._beating: Any = None
        self._said: set[str] = set()

    def send_packet(self, sid: str, pkt: Any) -> None:
        """Send an Engine.IO packet to a session, if it is there. It never waits."""
        session = self.sockets.get(sid)
        if session is not None:
            session.send(pkt)

    def shutdown(self) -> None:
        """End the background work."""
        self.heartbeat.stop()

    def bad_request(self, reason: str) -> dict[str, Any]:
        """The answer to a request that cannot be served."""
        answer: dict[str, Any] = self._bad_request(reason)
        return answer

    def tell_disconnect(self, sid: str, reason: str) -> None:
        """Call the handlers of a session's end. What they raise is logged."""
        self._trigger_event("disconnect", sid, reason, run_async=False)

    def blame(self, address: object, error: Exception) -> None:
        """Note that a client broke the protocol."""
        self.counts.bad += 1
        self._say("bad", "the WebSocket of %s ended, it broke the protocol: %s", address, error)

    def note_slow(self) -> None:
        """Note that a client was cut because it does not read."""
        self.counts.slow += 1
        self._say(
            "slow", "a client that does not read was cut; it reconnects and asks for its state"
        )

    def _say(self, topic: str, message: str, *args: object) -> None:
        """Warn of the first; the others are counted, and told to whoever logs INFO."""
        level = logging.INFO if topic in self._said else logging.WARNING
        self._said.add(topic)
        log.log(level, message, *args)

    def _handle_connect(
        self,
        environ: WSGIEnvironment,
        start_response: StartResponse,
        transport: str,
        jsonp_index: int | None = None,
    ) -> Any:
        """Open a session, for good if it is a WebSocket. Called by ``handle_request``."""
        wrong = handshake.problem(environ) if transport == "websocket" else None
        if wrong:
            return self.bad_request(wrong)
        self._beat()
        session = Session(self, self.generate_id())
        self.sockets[session.sid] = session
        refused = self._trigger_event("connect", session.sid, environ, run_async=False)
        if refused is not None and refused is not True:
            del self.sockets[session.sid]
            return self._unauthorized(refused or None)
        self.heartbeat.add(session)
        opening = self._opening(session.sid, transport)
        if transport == "websocket":
            return session.open(environ, opening)
        session.send(opening)
        session.connected = True
        return self._ok(session.poll(), headers=self._cookie(session.sid), jsonp_index=jsonp_index)

    def _opening(self, sid: str, transport: str) -> Any:
        interval = self.ping_interval + self.ping_interval_grace_period
        return packet.Packet(
            packet.OPEN,
            {
                "sid": sid,
                "upgrades": self._upgrades(sid, transport),
                "pingTimeout": round(self.ping_timeout * 1000),
                "pingInterval": round(interval * 1000),
                "maxPayload": self.max_http_buffer_size,
            },
        )

    def _cookie(self, sid: str) -> list[tuple[str, str]] | None:
        if not self.cookie:
            return None
        plain = {"name": self.cookie, "path": "/", "SameSite": "Lax"}
        attributes = self.cookie if isinstance(self.cookie, dict) else plain
        return [("Set-Cookie", self._generate_sid_cookie(sid, attributes))]

    def _beat(self) -> None:
        if self._beating is None:
            self._beating = True  # before anybody else gets here
            self._beating = self.start_background_task(self.heartbeat.run)


def _footing(async_mode: str) -> Any:
    if async_mode == "eventlet":
        from .green import Green

        return Green()
    from .threads import Threads

    return Threads()


class _SocketServer(socketio.Server):  # type: ignore[misc]
    def _engineio_server_class(self) -> type[LeanServer]:
        return LeanServer


class LeanSocketIO(flask_socketio.SocketIO):  # type: ignore[misc]
    """Flask-SocketIO on the lean transport."""

    server: Any

    def init_app(self, app: flask.Flask | None, **options: Any) -> None:
        """Initialise as Flask-SocketIO does, then put our server in the place of its own.

        It offers no way to say which class of server it should make.
        """
        self.server_options.setdefault("serializer", CheckedPacket)
        super().init_app(app, **options)
        self.server = _SocketServer(**self.server_options)
        for event, handler, namespace in self.handlers:
            self.server.on(event, handler, namespace=namespace)
        for handlers in self.namespace_handlers:
            self.server.register_namespace(handlers)
        if app is not None:
            self.sockio_mw.engineio_app = self.server
