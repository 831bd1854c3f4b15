"""A small Flask-SocketIO app to serve in these tests: what the worker needs of an app, no more."""

from __future__ import annotations

import os
import sys
import time
from types import SimpleNamespace
from typing import Any

from flask import Flask, request

from notifier.engine.middleware import harden
from notifier.engine.modes import detect_async_mode
from notifier.engine.transport import socketio_class
from notifier.engine.worker import EventletWorker
from tests.engine.emitting import emitting, step_clock

step_clock()
app = Flask(__name__)
app.register_blueprint(emitting)
socketio = socketio_class(os.environ.get("TRANSPORT", "lean"))(
    app,
    async_mode=detect_async_mode(),
    transports=["websocket", "polling"],
    ping_interval=float(os.environ.get("PING_INTERVAL", "25")),
    ping_timeout=float(os.environ.get("PING_TIMEOUT", "20")),
    max_http_buffer_size=16_384,
)
app.wsgi_app = harden(  # type: ignore[method-assign]
    app.wsgi_app, trusted_proxies=int(os.environ.get("TRUSTED_PROXIES", "0"))
)


class Counted:
    """Counts the polls that wait, so that a test can wait for them."""

    running = 0

    def __init__(self, wsgi_app: Any) -> None:
        self.wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if "sid=" not in environ.get("QUERY_STRING", ""):
            return self.wsgi_app(environ, start_response)
        Counted.running += 1
        try:
            return self.wsgi_app(environ, start_response)
        finally:
            Counted.running -= 1


app.wsgi_app = Counted(app.wsgi_app)  # type: ignore[method-assign]
if "SOCKET_TIMEOUT" in os.environ:
    EventletWorker.socket_timeout = float(os.environ["SOCKET_TIMEOUT"])


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class FakeNotifier:
    """The calls a worker makes, and what they are for."""

    # It lacks nothing, however many workers there are.
    readiness = SimpleNamespace(company=SimpleNamespace(meet=lambda several: []))

    def __init__(self) -> None:
        self.sockets: set[str] = set()

    def start(self) -> None:
        time.sleep(0.1)
        say("notifier started")

    def stop(self, timeout: float) -> None:
        say(f"notifier stopped with {len(self.sockets)} sockets")
        eio = socketio.server.eio
        for sid in list(eio.sockets) if "CLOSE_TRANSPORT" in os.environ else ():
            socketio.server.start_background_task(eio.disconnect, sid)
        for sid in list(self.sockets):
            socketio.server.disconnect(sid)


notifier = FakeNotifier()
if "NO_NOTIFIER" not in os.environ:
    app.extensions["notifier"] = notifier


@socketio.on("connect")
def connect() -> None:
    notifier.sockets.add(request.sid)  # type: ignore[attr-defined]


@socketio.on("disconnect")
def disconnect(reason: str) -> None:
    notifier.sockets.discard(request.sid)  # type: ignore[attr-defined]


@app.get("/mode")
def mode() -> str:
    return socketio.async_mode


@app.get("/pid")
def pid() -> str:
    return str(os.getpid())


@app.get("/request")
def described() -> dict[str, str | None]:
    return {"url": request.url, "from": request.remote_addr}


@app.get("/polls")
def polls() -> str:
    """How many requests to Engine.IO are being answered right now."""
    return str(Counted.running)


@app.get("/slow")
def slow() -> str:
    say("slow begun")
    time.sleep(float(request.args["seconds"]))
    say("slow answered")
    return "done"


@app.post("/length")
def length() -> str:
    return str(len(request.get_data()))


@app.get("/broken")
def broken() -> str:
    app.config["PROPAGATE_EXCEPTIONS"] = True
    raise RuntimeError("broken on purpose")


@app.get("/big")
def big() -> bytes:
    return b"x" * 8_000_000


@app.get("/block")
def block() -> str:
    while True:  # as a C library that waits outside the hub does
        pass
