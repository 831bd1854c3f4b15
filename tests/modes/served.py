"""A host as gunicorn serves it in each mode, with a Socket.IO of its own if ``SOCKETIO=host``.

The host's namespace is ``/chat``; the notifier's is ``/``, where the live client of the suite is.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import flask
from flask_socketio import SocketIO, emit

from notifier import Notifier
from notifier.engine.transport import LeanServer
from tests.support import wait_until

app = flask.Flask("host")
app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
chat: SocketIO | None = None
if os.environ["SOCKETIO"] == "host":
    chat = SocketIO(app, async_mode=os.environ["MODE"])
notifier = Notifier(app, socketio=chat, identify=lambda: flask.session.get("user"))


def say(text: str) -> str:
    return text.upper()


def greet(_auth: Any = None) -> None:
    emit("welcome", os.getpid())


if chat is not None:
    chat.on_event("connect", greet, namespace="/chat")
    chat.on_event("say", say, namespace="/chat")


@app.get("/about")
def about() -> dict[str, Any]:
    eio, subscription = notifier.socketio.server.eio, notifier.serving.subscription
    return {
        "mode": eio.async_mode,
        "transport": "lean" if isinstance(eio, LeanServer) else "stock",
        "pid": os.getpid(),
        "subscribed": bool(subscription and subscription.ready),
        "sessions": len(eio.sockets),
        "slow": eio.counts.slow if isinstance(eio, LeanServer) else 0,
        "reaped": notifier.serving.sessions.reaped,
    }


@app.post("/sign-in/<user>")
def sign_in(user: str) -> str:
    flask.session["user"] = user
    return user


@app.post("/transactions/<user>/<name>")
def transact(user: str, name: str) -> tuple[str, int]:
    """Notify in a transaction, with a savepoint that is rolled back; fail at its end if asked."""
    try:
        with notifier.transaction() as session:
            savepoint = session.begin_nested()
            notifier.notify(user, f"{name}.savepoint", True)
            savepoint.rollback()
            notifier.notify(user, name, True)
            if "fail" in flask.request.args:
                raise ZeroDivisionError
    except ZeroDivisionError:
        return "rolled back", 409
    return "committed", 201


@app.get("/slow")
def slow() -> str:
    """Answers once the file that it is told of is there, or after half a minute."""
    app.logger.warning("slow begun")
    wait_until(Path(flask.request.args["until"]).exists, 30)
    return "answered"
