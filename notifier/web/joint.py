"""Whose SocketIO it is: one of our own, or the host's with our namespace on it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

from flask_socketio import SocketIO

from ..errors import ConfigurationError

__all__ = ["HOST_NAMESPACE", "NO_SERVER", "RETIRED", "Joint", "check_socketio"]

HOST_NAMESPACE = "/notifier"
"""Our namespace on a SocketIO of the host's, whose own clients are at home in ``/``."""

NO_SERVER = (
    "the SocketIO that was passed to Notifier serves no app yet: call socketio.init_app(app) when "
    "the app is made"
)

IN_USE = (
    "the SocketIO that was passed to Notifier serves another app: its notifier was started, or has "
    "sockets; make a SocketIO for each app, or stop the former: former_notifier.stop()"
)

RETIRED = (
    "the SocketIO of this app was passed to the Notifier of an app that was made later, and serves "
    "that one: this one's sockets get nothing; make a SocketIO for each app"
)

_RESERVED = ("connect", "disconnect")


def check_socketio(given: object) -> None:
    """Raises ConfigurationError unless it is a Flask-SocketIO object."""
    if not isinstance(given, SocketIO):
        raise ConfigurationError(
            f"socketio= cannot be a {type(given).__name__}; pass the flask_socketio.SocketIO "
            "object of your app"
        )


class _LaterServer:
    """The server of a host's SocketIO, which ``init_app`` makes later, or makes anew."""

    def __init__(self, socketio: SocketIO) -> None:
        self._socketio = socketio

    def __getattr__(self, name: str) -> Any:
        server = self._socketio.server
        if server is None:
            raise ConfigurationError(NO_SERVER)
        return getattr(server, name)


class Joint:
    """Our namespace on a SocketIO, and how clients find it. ``shared``: it is the host's."""

    def __init__(self, socketio: SocketIO, namespace: str, *, shared: bool) -> None:
        self.socketio = socketio
        self.namespace = namespace
        self.shared = shared
        self.server: Any = _LaterServer(socketio) if shared else socketio.server
        # The one that our sockets came to; the host may have made the SocketIO another since.
        self._visited: Callable[[], Any] = lambda: None

    @property
    def path(self) -> str:
        """Where Socket.IO answers, below the root of the app."""
        self.server.eio  # noqa: B018 -- says what to do if there is no server yet
        if not hasattr(self.socketio, "sockio_mw"):
            raise ConfigurationError(NO_SERVER)
        return str(self.socketio.sockio_mw.engineio_path).rstrip("/")

    @property
    def transports(self) -> tuple[str, ...]:
        """What our client should try. Only WebSockets need no sticky sessions."""
        offered = tuple(self.server.eio.transports)
        return ("websocket",) if self.shared and "websocket" in offered else offered

    @property
    def checks_origins(self) -> bool:
        """Whether Engine.IO is known to refuse pages of foreign origins."""
        allowed = self.server.eio.cors_allowed_origins
        if allowed is None:
            return True
        # An empty list turns the check off, too, and so may a function.
        return not callable(allowed) and bool(allowed) and "*" not in allowed

    def note_socket(self) -> None:
        """A client is coming in, to the server that the SocketIO has now."""
        self._visited = weakref.ref(self.socketio.server)

    def has_sockets(self) -> bool:
        """Whether clients are in our namespace, on connections that are open.

        The clients of Flask-SocketIO's own tests have none, and are never forgotten.
        """
        server = self._visited()
        if server is None:
            return False
        find = server.manager.sid_from_eio_sid
        return any(find(eio_sid, self.namespace) for eio_sid in list(server.eio.sockets))

    def check(self) -> None:
        """Raises ConfigurationError if the host has handlers in the place of ours."""
        for name in _taken(self.socketio, self.namespace):
            raise ConfigurationError(_refusal(name, self.namespace))

    def register(self, connect: Callable[..., None], disconnect: Callable[..., None]) -> None:
        """Have our handlers called, and no others in their place.

        Raises ConfigurationError if the host has handlers of its own there, or those of another
        app's notifier are in use. One that is not, as those of an app factory's former tests are
        not, however long they are kept, makes way.
        """
        socketio = self.socketio
        formers = [one[1].__wrapped__.__self__ for one in socketio.handlers if _is_ours(one[1])]
        if any(former.in_use() for former in formers):
            raise ConfigurationError(IN_USE)
        socketio.handlers = [one for one in socketio.handlers if not _is_ours(one[1])]
        self.check()
        for former in formers:
            former.retire()
        for message, handler in zip(_RESERVED, (connect, disconnect), strict=True):
            # Past a guard that an earlier notifier may have put on this object.
            SocketIO.on(socketio, message, namespace=self.namespace)(handler)
            if socketio.server is not None:
                made = socketio.server.handlers[self.namespace][message]
                socketio.handlers.append((message, made, self.namespace))
        _guard(socketio, self.namespace)


def _is_ours(handler: Any) -> bool:
    return getattr(getattr(handler, "__wrapped__", None), "__module__", "") == (
        "notifier.web.sockets"
    )


def _taken(socketio: SocketIO, namespace: str) -> Iterator[str]:
    """The names of the host's handlers that ours would replace, or would be replaced by."""
    for message, handler, where in _functions(socketio):
        if where == namespace and message in _RESERVED and not _is_ours(handler):
            yield f"a handler of {message!r}"
    server = socketio.server
    objects = [
        *socketio.namespace_handlers,
        *(server.namespace_handlers.values() if server else ()),
    ]
    for one in objects:
        yield from _taken_by(one, namespace)


def _functions(socketio: SocketIO) -> Iterator[tuple[str, Any, str]]:
    yield from socketio.handlers
    for where, handlers in socketio.server.handlers.items() if socketio.server else ():
        yield from ((message, handler, where) for message, handler in handlers.items())


def _taken_by(handlers: Any, namespace: str) -> Iterator[str]:
    if handlers.namespace == namespace:
        for message in _RESERVED:
            if hasattr(handlers, f"on_{message}"):
                yield f"the class {type(handlers).__name__} with on_{message}"


def _refusal(name: str, namespace: str) -> str:
    return (
        f"the app has {name} on the namespace {namespace!r}, which the notifier needs for itself; "
        "set NOTIFIER_NAMESPACE to another one, such as '/notifier', or register yours elsewhere"
    )


def _guard(socketio: SocketIO, ours: str) -> None:
    """Refuse what the host registers later in our place."""
    if getattr(socketio.__dict__.get("on"), "guards", None) == ours:
        return
    on, on_namespace = socketio.on, socketio.on_namespace

    def guarded_on(message: str, namespace: str | None = None) -> Any:
        if (namespace or "/") == ours and message in _RESERVED:
            raise ConfigurationError(_refusal(f"a handler of {message!r}", ours))
        return on(message, namespace=namespace)

    def guarded_on_namespace(handlers: Any) -> None:
        for name in _taken_by(handlers, ours):
            raise ConfigurationError(_refusal(name, ours))
        on_namespace(handlers)

    guarded_on.guards = ours  # type: ignore[attr-defined]
    socketio.on, socketio.on_namespace = guarded_on, guarded_on_namespace
