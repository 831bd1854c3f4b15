"""Pages that say what went wrong and what to do about it."""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable

from notifier import InvalidInput, Notifier

__all__ = ["register"]

# (heading, what to do) by status; others go by their family.
_TEXTS = {
    400: ("That did not work", "Something in the address or the form cannot be used."),
    403: ("Not allowed", "This page is not for you."),
    404: ("Nothing here", "The address is mistyped, or the page has moved."),
    405: ("Not that way", "This address does not take what was asked of it."),
    413: ("Too much", "What you sent is larger than we take. Shorten it and try again."),
    500: ("Our fault", "Something broke on our side. Try again in a moment."),
}

_EXPIRED = (
    "This form has expired",
    "You signed in or out since it was opened, or the browser sent no cookie. Nothing was "
    "changed. Go back, reload the page and send it again.",
)


def register(app: flask.Flask, notifier: Notifier) -> None:
    """Answer with a page of our own, except where a blueprint answers for itself."""
    # By class, since a handler for a status would come before the blueprints' own.
    app.register_error_handler(HTTPException, _page)
    app.register_error_handler(InvalidInput, lambda _error: _page(BadRequest()))
    app.register_error_handler(SQLAlchemyError, lambda error: _database(error, notifier))


def _database(error: SQLAlchemyError, notifier: Notifier) -> ResponseReturnValue:
    refusal = notifier.outage.refuse(error)
    if refusal is None:
        raise error
    return _page(ServiceUnavailable(refusal, retry_after=notifier.outage.retry_after))


def _page(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()
    heading, advice = _text(error, status)
    values = {"heading": heading, "advice": advice, "status": status}
    page = _bare(values) if status >= 500 else flask.render_template("app/error.html", **values)
    kept = [pair for pair in error.get_headers() if pair[0] in ("Allow", "Retry-After")]
    return page, status, kept


def _bare(values: dict[str, object]) -> str:
    """The page without the app's context, which would ask the database who is signed in.

    After a failure of ours, that may be the very thing that fails.
    """
    template = flask.current_app.jinja_env.get_template("app/error.html")
    return template.render(bare=True, **values)


def _text(error: HTTPException, status: int) -> tuple[str, str]:
    if isinstance(error, CSRFError):
        return _EXPIRED
    if isinstance(error, ServiceUnavailable) and error.description:
        return "Back in a moment", error.description
    return _TEXTS.get(status) or _TEXTS[500 if status >= 500 else 400]
