"""Messages between people, on a page that knows nothing of this library: it polls."""

import os
from pathlib import Path

from flask import Flask, redirect, render_template, request, session, url_for

from notifier import InvalidInput, Notifier

app = Flask(__name__, instance_path=str(Path(__file__).parent / "instance"))
app.config.update(
    SECRET_KEY=os.environ.get("SECRET_KEY", "for a look around only"),
    SESSION_COOKIE_SAMESITE="Lax",
    DATABASE_URL=os.environ.get("DATABASE_URL", f"sqlite:///{app.instance_path}/poller.db"),
)
Path(app.instance_path).mkdir(exist_ok=True)
notifier = Notifier(app, identify=lambda: session.get("user"))
notifier.create_tables()


@app.errorhandler(InvalidInput)
def refuse(error):
    """Whatever the notifier does not take: it says which field, and what would do."""
    return f"{error}. Go back and change it.", 400, {"Content-Type": "text/plain; charset=utf-8"}


@app.get("/")
def index():
    return render_template("index.html")


@app.post("/sign-in")
def sign_in():
    name = request.form["name"]
    notifier.head(name)  # refuses what cannot be a user, before it is one
    session["user"] = name
    return redirect(url_for("index"))


@app.post("/messages")
def send():
    if "user" not in session:
        return redirect(url_for("index"))
    with notifier.transaction():
        notifier.send(request.form["to"], request.form["body"], sender=session["user"])
    return redirect(url_for("index"))


@app.get("/messages")
def messages():
    """The newest messages; who has seen this page has read them."""
    if "user" not in session:
        return redirect(url_for("index"))
    newest = notifier.list_messages(session["user"])
    if newest:
        with notifier.transaction():
            notifier.mark_read(session["user"], up_to=newest[0].timestamp)
    return render_template("messages.html", messages=newest)
