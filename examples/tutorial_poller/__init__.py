"""The page of Microblog that polls, on a server that it knows nothing of."""

import os
from pathlib import Path

from flask import Blueprint, Flask, g, redirect, render_template, request, url_for
from flask_login import (
    LoginManager,
    UserMixin,
    current_user,
    login_required,
    login_user,
    logout_user,
)

from notifier import InvalidInput, Notifier

app = Flask(__name__, instance_path=str(Path(__file__).parent / "instance"))
app.config.update(
    SECRET_KEY=os.environ.get("SECRET_KEY", "for a look around only"),
    SESSION_COOKIE_SAMESITE="Lax",
    DATABASE_URL=os.environ.get("DATABASE_URL", f"sqlite:///{app.instance_path}/poller.db"),
)
Path(app.instance_path).mkdir(exist_ok=True)

users = LoginManager(app)
users.login_view = "auth.login"
notifier = Notifier(app, identify=lambda: current_user.get_id())
notifier.create_tables()

main = Blueprint("main", __name__)
auth = Blueprint("auth", __name__)
# The page asks for this endpoint by name. The notifier answers there.
main.add_url_rule("/notifications", "notifications", build_only=True)


class User(UserMixin):
    """Whoever says so: there are no passwords here."""

    def __init__(self, username):
        self.id = self.username = username

    def unread_message_count(self):
        return notifier.unread_count(self.id)


class Moment:
    """In the place of Flask-Moment, which writes the times of posts. Here are none."""

    def include_moment(self):
        return ""

    def lang(self, _language):
        return ""


users.user_loader(User)
app.jinja_env.add_extension("jinja2.ext.i18n")
app.jinja_env.install_null_translations()
app.jinja_env.globals["moment"] = Moment()


@app.before_request
def choose_language():
    g.locale = "en"


@app.errorhandler(InvalidInput)
def refuse(error):
    """Whatever the notifier does not take: it says which field, and what would do."""
    return f"{error}. Go back and change it.", 400, {"Content-Type": "text/plain; charset=utf-8"}


@auth.route("/login", methods=["GET", "POST"])
def login():
    if request.method == "GET":
        return render_template("login.html", title="Sign in")
    name = request.form["name"]
    notifier.head(name)  # refuses what cannot be a user, before it is one
    login_user(User(name))
    return redirect(url_for("main.index"))


@auth.get("/logout")
def logout():
    logout_user()
    return redirect(url_for("main.index"))


@main.get("/")
@main.get("/explore", endpoint="explore")
@login_required
def index():
    return render_template("write.html", title="Write")


@main.get("/user/<username>")
@login_required
def user(username):
    return render_template("write.html", title=f"Write to {username}", to=username)


@main.post("/messages")
@login_required
def send():
    with notifier.transaction():
        notifier.send(request.form["to"], request.form["body"], sender=current_user.id)
    return redirect(url_for("main.index"))


@main.get("/messages")
@login_required
def messages():
    """The newest messages; who has seen this page has read them."""
    newest = notifier.list_messages(current_user.id)
    if newest:
        with notifier.transaction():
            notifier.mark_read(current_user.id, up_to=newest[0].timestamp)
    return render_template("messages.html", title="Messages", messages=newest)


app.register_blueprint(main)
app.register_blueprint(auth)
