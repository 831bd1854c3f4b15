"""The pages of a signed-in user: what came, what is read, and writing to somebody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

import flask
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session, scoped_session
from werkzeug.exceptions import BadRequest

from notifier import InvalidInput, Message, Notifier

from .forms import compose_form, recipients, sentence
from .users import Users

__all__ = ["PAGE_SIZE", "blueprint"]

PAGE_SIZE = 20
"""Messages on a page of the inbox."""

_TIMESTAMP = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of messages, newest first."""

    messages: list[Message]
    older: float | None
    """The timestamp before which the next page begins; None if this is the last."""
    reachable: set[str]
    """The senders to whom one can write back."""


def blueprint(
    notifier: Notifier, users: Users, session: scoped_session[Session]
) -> flask.Blueprint:
    """The pages; who is not signed in is sent to do that first."""
    pages = _Pages(notifier, users, session)
    inbox = flask.Blueprint("inbox", __name__)
    inbox.before_request(_require_sign_in)
    inbox.add_url_rule("/", "home", _home)
    inbox.add_url_rule("/messages", "show", pages.show)
    inbox.add_url_rule("/messages/new", "compose", pages.compose, methods=["GET", "POST"])
    inbox.add_url_rule("/messages/read", "mark_read", pages.mark_read, methods=["POST"])
    inbox.add_url_rule(
        "/messages/<int:message_id>/read", "mark_one_read", pages.mark_one_read, methods=["POST"]
    )
    return inbox


class _Pages:
    def __init__(self, notifier: Notifier, users: Users, session: scoped_session[Session]) -> None:
        self._notifier = notifier
        self._users = users
        self._session = session

    def show(self) -> ResponseReturnValue:
        before = _timestamp(flask.request.args, "before")
        # The template calls it after it has read the badge: a message that comes in between is
        # then announced to the page, and never missing from it unannounced.
        listing = partial(self._listing, before)
        return flask.render_template("app/inbox.html", listing=listing, before=before)

    def compose(self) -> ResponseReturnValue:
        form = compose_form(self._notifier.settings.max_body)
        if flask.request.method == "GET":
            form.to.data = flask.request.args.get("to", "")
        if not form.validate_on_submit() or not self._sent(form):
            page = flask.render_template("app/compose.html", form=form)
            return page, 422 if form.errors else 200
        names = recipients(form.to.data)
        flask.flash(f"Sent to {names[0] if len(names) == 1 else f'{len(names)} people'}.")
        return flask.redirect(flask.url_for(".show"))

    def mark_read(self) -> ResponseReturnValue:
        up_to = _timestamp(flask.request.form, "up_to")
        if up_to is None:
            raise BadRequest("up_to is missing")
        self._notifier.mark_read(current_user.username, up_to=up_to)
        self._session.commit()
        return _back_to_list()

    def mark_one_read(self, message_id: int) -> ResponseReturnValue:
        self._notifier.mark_read(current_user.username, ids=[message_id])
        self._session.commit()
        return _back_to_list(f"message-{message_id}")

    def _listing(self, before: float | None) -> Listing:
        rows = self._notifier.list_messages(current_user.username, before, PAGE_SIZE + 1)
        page = rows[:PAGE_SIZE]
        senders = {row.sender for row in page if row.sender is not None}
        return Listing(
            messages=page,
            older=page[-1].timestamp if len(rows) > PAGE_SIZE else None,
            reachable=self._users.known(senders) if senders else set(),
        )

    def _sent(self, form: FlaskForm) -> bool:
        """Send what the form holds, or write on it why not."""
        names = recipients(form.to.data)
        most = self._notifier.settings.max_recipients
        known = self._users.known(names[:most])
        unknown = [name for name in names[:most] if name not in known]
        if unknown:
            form.to.errors = [f"There is no user named {_listed(unknown)}."]
            return False
        try:
            self._notifier.send(names, form.body.data, sender=current_user.username)
        except InvalidInput as error:
            form[error.field].errors = [sentence(error)]
            return False
        self._session.commit()
        return True


def _require_sign_in() -> ResponseReturnValue | None:
    if current_user.is_authenticated:
        return None
    refused: ResponseReturnValue = flask.current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
    return refused


def _home() -> ResponseReturnValue:
    return flask.redirect(flask.url_for(".show"))


def _back_to_list(anchor: str | None = None) -> ResponseReturnValue:
    before = _timestamp(flask.request.form, "before")
    return flask.redirect(flask.url_for(".show", before=before, _anchor=anchor), 303)


def _timestamp(values: dict[str, str], name: str) -> float | None:
    text = values.get(name)
    if not text:
        return None
    if not _TIMESTAMP.fullmatch(text):
        raise BadRequest(f"{name} must be a timestamp")
    return float(text)


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
