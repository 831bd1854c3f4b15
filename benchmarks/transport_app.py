"""The app that `transports.py` measures: everybody who connects is in one room."""

from __future__ import annotations

import os

from flask import Flask, request

from notifier.engine.middleware import harden
from notifier.engine.modes import detect_async_mode
from notifier.engine.transport import socketio_class

app = Flask(__name__)
socketio = socketio_class(os.environ["TRANSPORT"])(
    app,
    async_mode=detect_async_mode(),
    transports=["websocket"],
    manage_session=False,
    ping_interval=3600,  # the readers answer none
)
app.wsgi_app = harden(app.wsgi_app, trusted_proxies=0)  # type: ignore[method-assign]


@socketio.on("connect")
def connect() -> None:
    """Sockets without a handler are refused."""


@app.get("/sockets")
def sockets() -> str:
    return str(len(socketio.server.eio.sockets))


@app.get("/emit")
def emit() -> str:
    """Emit `count` events of the size of a notification to everybody, with a rest after each."""
    event = {"name": "unread_message_count", "data": 3, "timestamp": 1682479141.596086}
    for _ in range(int(request.args["count"])):
        socketio.server.emit("unread_message_count", event | {"previous": 1682479140.1})
        socketio.server.sleep(float(request.args["rest"]))
    return "done"
