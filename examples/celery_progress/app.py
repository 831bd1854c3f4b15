"""The page: `flask --app app run`."""

import os
from uuid import uuid4

from flask import Flask, redirect, render_template, request, session, url_for
from jobs import DATABASE_URL, INSTANCE, PREFIX, REDIS_URL, Base, Job, give_up, report
from tasks import import_addresses

from notifier import Notifier

INSTANCE.mkdir(exist_ok=True)
app = Flask(__name__, instance_path=str(INSTANCE))
app.config.update(
    SECRET_KEY=os.environ.get("SECRET_KEY"),
    SESSION_COOKIE_SAMESITE="Lax",
    DATABASE_URL=DATABASE_URL,
    REDIS_URL=REDIS_URL,
)
notifier = Notifier(app, identify=lambda: session.get("visitor"))
notifier.register_tables(Base.metadata)
notifier.create_tables()


@app.get("/")
def index():
    session.setdefault("visitor", uuid4().hex)
    return page()


@app.post("/")
def start():
    if "visitor" not in session:
        return redirect(url_for("index"))
    job_id, lines = uuid4().hex, request.form["addresses"].split()
    job = Job(id=job_id, user=session["visitor"], lines=lines, done=0, error="")
    with notifier.transaction() as transaction:
        transaction.add(job)
        report(notifier, job)
    try:
        import_addresses.delay(job_id)
    except import_addresses.OperationalError as error:
        app.logger.error("The broker cannot be reached: %s", error)
        give_up(notifier, job_id, "no worker could be told; import it again in a minute")
        return page(), 503, {"Retry-After": "60"}
    return redirect(url_for("index"))


def page():
    def progress():
        """Each of the visitor's jobs, oldest news first; called by the page after its badge."""
        events = notifier.since(session["visitor"])
        return [event for event in events if event.name.startswith(PREFIX)]

    return render_template("index.html", progress=progress)


@app.after_request
def protect(response):
    response.headers["Content-Security-Policy"] = "default-src 'self'"
    return response
