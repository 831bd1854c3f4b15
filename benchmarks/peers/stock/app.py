"""The service of a tutorial, with the notifier's tables: one process of it."""

import eventlet

eventlet.monkey_patch()

import os  # noqa: E402
import time  # noqa: E402

import flask  # noqa: E402
import itsdangerous  # noqa: E402
import sqlalchemy  # noqa: E402
from flask_socketio import SocketIO, join_room  # noqa: E402
from sqlalchemy import func, select  # noqa: E402
from sqlalchemy.dialects.postgresql import insert  # noqa: E402

from notifier.models import UNREAD, inboxes, messages, notifications  # noqa: E402

app = flask.Flask(__name__)
app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
engine = sqlalchemy.create_engine(
    os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg2:"), pool_size=10
)
tokens = itsdangerous.URLSafeTimedSerializer(os.environ["SECRET_KEY"])
socketio = SocketIO(
    app,
    async_mode="eventlet",
    message_queue=os.environ["REDIS_URL"],
    transports=["websocket"],
    manage_session=False,
    ping_interval=float(os.environ["PING_INTERVAL"]),
)


def user_of(token: str) -> str:
    try:
        return str(tokens.loads(token, max_age=86_400))
    except itsdangerous.BadData:
        flask.abort(401)


def caller() -> str:
    return user_of(flask.request.headers.get("Authorization", "").removeprefix("Bearer "))


def event(data: int, stamp: int) -> dict[str, object]:
    return {"name": UNREAD, "data": data, "timestamp": stamp / 1e6}


def store(connection: sqlalchemy.Connection, user: str, sender: str, body: str) -> tuple[int, int]:
    """Advance the inbox, add the message, set the notification; unread and stamp."""
    now = time.time_ns() // 1000
    advance = insert(inboxes).values(user_id=user, clock=now, unread=1)
    unread, stamp = connection.execute(
        advance.on_conflict_do_update(
            index_elements=["user_id"],
            set_={"clock": func.greatest(inboxes.c.clock + 1, now), "unread": inboxes.c.unread + 1},
        ).returning(inboxes.c.unread, inboxes.c.clock)
    ).one()
    connection.execute(
        insert(messages).values(recipient_id=user, sender_id=sender, body=body, stamp=stamp)
    )
    told = insert(notifications).values(user_id=user, name=UNREAD, data=unread, stamp=stamp)
    connection.execute(
        told.on_conflict_do_update(
            index_elements=["user_id", "name"],
            set_={"data": told.excluded.data, "stamp": told.excluded.stamp},
        )
    )
    return unread, stamp


@app.post("/api/v1/messages")
def send() -> tuple[dict[str, object], int]:
    sender, fields = caller(), flask.request.get_json()
    users = fields["to"] if isinstance(fields["to"], list) else [fields["to"]]
    with engine.begin() as connection:
        done = {user: store(connection, user, sender, fields["body"]) for user in sorted(users)}
    for user, (unread, stamp) in done.items():
        socketio.emit(UNREAD, event(unread, stamp), to=f"user:{user}")
    return {"messages": [{"to": user, "timestamp": s / 1e6} for user, (_, s) in done.items()]}, 201


@app.get("/notifications")
def poll() -> flask.Response:
    user, since = caller(), round(float(flask.request.args.get("since", 0)) * 1e6)
    wanted = select(notifications.c.name, notifications.c.data, notifications.c.stamp).where(
        notifications.c.user_id == user, notifications.c.stamp > since
    )
    with engine.connect() as connection:
        rows = connection.execute(wanted.order_by(notifications.c.stamp)).all()
    return flask.jsonify([{"name": n, "data": d, "timestamp": s / 1e6} for n, d, s in rows])


@app.get("/healthz")
def healthz() -> str:
    return "ok"


@app.post("/bench/push")
def push() -> dict[str, int]:
    wanted = flask.request.get_json()
    first = wanted["first"]
    began = time.monotonic()
    for number in range(wanted["count"]):
        user = f"u{(first + number) * 7919 % wanted['users']:06}"
        socketio.emit(UNREAD, event(number, time.time_ns() // 1000), to=f"user:{user}")
        time.sleep(max(0.0, (number + 1) / wanted["rate"] - (time.monotonic() - began)))
    return {"count": wanted["count"]}


@socketio.on("connect")
def connect(auth: dict[str, str]) -> None:
    join_room(f"user:{user_of(auth['token'])}")


if __name__ == "__main__":
    print("ready", flush=True)
    # By default eventlet takes 1,024 connections and leaves the next ones hanging.
    socketio.run(
        app,
        host=os.environ["HOST"],
        port=int(os.environ["PORT"]),
        log_output=False,
        max_size=20_000,
    )
