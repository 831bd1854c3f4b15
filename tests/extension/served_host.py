"""A host with a Socket.IO of its own, as a server runs it in each async mode (``MODE``).

The host's namespace is ``/chat``; the notifier's is set to ``/`` by the tests, so that the live
client of the suite can follow it.
"""

from __future__ import annotations

import os
from typing import Any

import flask
from flask_socketio import SocketIO, emit

from notifier import Notifier, create_engine

app = flask.Flask("host")
app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
socketio = SocketIO(app, async_mode=os.environ["MODE"])
notifier = Notifier(app, socketio=socketio, engine=create_engine(os.environ["DATABASE_URL"]))


@socketio.on("connect", namespace="/chat")
def connect(_auth: Any = None) -> None:
    emit("welcome", os.getpid())


@socketio.on("say", namespace="/chat")
def say(text: str) -> str:
    return text.upper()


@app.get("/about")
def about() -> dict[str, Any]:
    server = socketio.server
    return {
        "mode": server.eio.async_mode,
        "pid": os.getpid(),
        "sessions": len(server.eio.sockets),
        "reaped": notifier.serving.sessions.reaped,
    }
