"""Errors over HTTP: problem+json (RFC 9457), naming the field where there is one."""

from __future__ import annotations

import logging
from http import HTTPStatus

import flask
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from ..errors import InvalidInput, TokenError, UnknownUser

__all__ = ["RETRY_SECONDS", "problem", "register"]

log = logging.getLogger("notifier.web")

RETRY_SECONDS = 2
"""What ``Retry-After`` says while the database does not answer."""

# A malformed part of the URL is a bad request; a malformed field of a body is unprocessable.
_IN_THE_QUERY = frozenset({"since", "before", "limit"})


def problem(
    status: int, detail: str, *, field: str | None = None, headers: dict[str, str] | None = None
) -> flask.Response:
    """A problem+json response."""
    members: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if field is not None:
        members["field"] = field
    response = flask.current_app.response_class(
        flask.json.dumps(members), status, mimetype="application/problem+json"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def register(blueprint: flask.Blueprint) -> None:
    """Make every error of the blueprint's views a problem+json response."""
    blueprint.register_error_handler(InvalidInput, _invalid)
    blueprint.register_error_handler(TokenError, _token)
    blueprint.register_error_handler(OperationalError, _unavailable)
    blueprint.register_error_handler(InterfaceError, _unavailable)
    blueprint.register_error_handler(PoolTimeout, _unavailable)
    blueprint.register_error_handler(HTTPException, _http)


def _invalid(error: InvalidInput) -> flask.Response:
    if isinstance(error, UnknownUser):
        status = 404
    else:
        status = 400 if error.field in _IN_THE_QUERY else 422
    return problem(status, str(error), field=error.field)


def _token(error: TokenError) -> flask.Response:
    challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return problem(401, str(error), headers=challenge)


def _unavailable(error: DBAPIError | PoolTimeout) -> flask.Response:
    log.warning("The database did not answer, so the request got a 503: %s", error)
    return problem(
        503,
        "The database does not answer at the moment; try again.",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


def _http(error: HTTPException) -> flask.Response:
    return problem(error.code or 500, error.description or "")
