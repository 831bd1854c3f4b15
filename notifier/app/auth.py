"""Registering, signing in and signing out."""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user

from .forms import LoginForm, RegisterForm
from .security import is_own_page
from .users import User, UsernameTaken, Users

__all__ = ["blueprint", "install", "signed_in_user"]

# One text for both, so that nobody learns here which names exist.
_REFUSED = "This user name and password do not belong together."


def install(app: flask.Flask, users: Users) -> None:
    """Let sessions of ``app`` remember one of ``users``."""
    manager = LoginManager(app)
    # Its check of address and browser would write to the session of a poll.
    manager.session_protection = None
    manager.user_loader(users.of_session)
    manager.unauthorized_handler(_to_sign_in)


def signed_in_user() -> str | None:
    """Return the name of the user who is signed in, or None."""
    return current_user.username if current_user.is_authenticated else None


def blueprint(users: Users) -> flask.Blueprint:
    """The pages on which people come and go."""
    pages = _Pages(users)
    auth = flask.Blueprint("auth", __name__)
    auth.add_url_rule("/login", "login", pages.login, methods=["GET", "POST"])
    auth.add_url_rule("/register", "register", pages.register, methods=["GET", "POST"])
    auth.add_url_rule("/logout", "logout", pages.logout, methods=["POST"])
    return auth


class _Pages:
    def __init__(self, users: Users) -> None:
        self._users = users

    def login(self) -> ResponseReturnValue:
        if current_user.is_authenticated:
            return flask.redirect(_destination())
        form = LoginForm()
        if not form.validate_on_submit():
            return _page("login", form)
        user = self._users.authenticate(form.username.data, form.password.data)
        if user is None:
            return _page("login", form, _REFUSED)
        _remember(user)
        return flask.redirect(_destination())

    def register(self) -> ResponseReturnValue:
        if current_user.is_authenticated:
            return flask.redirect(_destination())
        form = RegisterForm()
        if not form.validate_on_submit():
            return _page("register", form)
        try:
            user = self._users.register(form.username.data, form.password.data)
        except UsernameTaken as error:
            form.username.errors = [str(error)]
            return _page("register", form)
        _remember(user)
        flask.flash(f"Welcome, {user.username}.")
        return flask.redirect(_destination())

    def logout(self) -> ResponseReturnValue:
        flask.session.clear()
        flask.flash("You are signed out.")
        return flask.redirect(flask.url_for("auth.login"))


def _page(name: str, form: LoginForm | RegisterForm, problem: str = "") -> ResponseReturnValue:
    page = flask.render_template(f"app/{name}.html", form=form, problem=problem)
    return page, 422 if form.errors or problem else 200


def _remember(user: User) -> None:
    """Sign in, in a new session: what an earlier visitor left does not become the user's."""
    flask.session.clear()
    flask.session.permanent = True
    login_user(user)


def _destination() -> str:
    target = flask.request.args.get("next", "")
    return target if is_own_page(target) else flask.url_for("inbox.show")


def _to_sign_in() -> ResponseReturnValue:
    request = flask.request
    # What was posted is gone by the time somebody has signed in.
    target = request.full_path.rstrip("?") if request.method == "GET" else None
    if target == flask.url_for("inbox.show"):
        target = None
    return flask.redirect(flask.url_for("auth.login", next=target))
