"""A shop with integer ids and live events of its own, mounted below /shop.

``python -m tests.extension.mounted PORT DATABASE_URL``
"""

from __future__ import annotations

import sys

import flask
from flask_socketio import SocketIO, emit
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import run_simple

from notifier import Notifier

PAGE = """{% from "notifier/badge.html" import badge, scripts with context %}
<p>{{ badge() }}</p> <p id="stock">none</p> {{ scripts() }}
<script type="module">
import { io } from "{{ url_for("pushes.static", filename="vendor/socket.io.esm.min.js") }}";
const socket = io({ path: "{{ request.script_root }}/live", transports: ["websocket"] });
socket.on("stock", (left) => { document.getElementById("stock").textContent = left; });
</script>"""

app = flask.Flask("shop")
app.config.update(SECRET_KEY="a-key-of-the-tests", NOTIFIER_URL_PREFIX="/push")
app.config.update(NOTIFIER_BLUEPRINT="pushes", DATABASE_URL=sys.argv[2])
socketio = SocketIO(app, async_mode="threading", path="/live")
notifier = Notifier(app, socketio=socketio, identify=lambda: flask.session.get("user_id"))


@socketio.on("connect")
def connect() -> None:
    emit("stock", "3 left")


@app.get("/login/<int:user_id>")
def login(user_id: int) -> str:
    flask.session["user_id"] = user_id
    return flask.render_template_string(PAGE)


@app.post("/orders/<int:buyer>")
def order(buyer: int) -> str:
    with notifier.transaction():
        notifier.send(buyer, "Thank you for your order.")
    socketio.emit("stock", "2 left")
    return "ordered"


if __name__ == "__main__":
    notifier.create_tables()
    everything = DispatcherMiddleware(flask.Flask("root"), {"/shop": app})
    run_simple("127.0.0.1", int(sys.argv[1]), everything, threaded=True)
