"""Errors over HTTP: problem+json (RFC 9457), naming the field where there is one."""

from __future__ import annotations

from http import HTTPStatus

import flask
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, Unauthorized

from ..errors import InFlight, InvalidInput, TokenError, UnknownUser
from ..outages import OutcomeUnknown, is_missing_table
from .bodies import spell
from .outage import Outage

__all__ = ["http_problem", "problem", "register"]

# A malformed part of the URL is a bad request; a malformed field of a body is unprocessable.
_IN_THE_QUERY = frozenset({"since", "before", "limit"})

_REPEAT = (
    "The connection to the database was lost while it was storing this. Send it again with the "
    "same Idempotency-Key: it is stored once."
)


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
    response = flask.Response(spell(members), status, content_type="application/problem+json")
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def register(blueprint: flask.Blueprint, outage: Outage) -> None:
    """Make every error of the blueprint's views a problem+json response."""
    blueprint.register_error_handler(InvalidInput, _invalid)
    blueprint.register_error_handler(TokenError, _token)
    blueprint.register_error_handler(InFlight, _in_flight)
    blueprint.register_error_handler(SQLAlchemyError, lambda error: _database(error, outage))
    blueprint.register_error_handler(HTTPException, http_problem)


def _invalid(error: InvalidInput) -> flask.Response:
    if isinstance(error, UnknownUser):
        status = 404
    else:
        status = 400 if error.field in _IN_THE_QUERY else 422
    return problem(status, str(error), field=error.field)


def _token(error: TokenError) -> flask.Response:
    challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return problem(401, str(error), headers=challenge)


def _in_flight(error: InFlight) -> flask.Response:
    return problem(409, str(error), headers={"Retry-After": "1"})


def _database(error: SQLAlchemyError, outage: Outage) -> flask.Response:
    refusal = outage.refuse(error)
    if refusal is not None:
        if isinstance(error, OutcomeUnknown) and "Idempotency-Key" in flask.request.headers:
            refusal = _REPEAT
        return problem(503, refusal, headers={"Retry-After": str(outage.retry_after)})
    if is_missing_table(error):
        # No 503: nobody gains by asking again, somebody has to prepare the database.
        outage.note(error)
        return problem(500, "The database of this server is not prepared.")
    raise error


def http_problem(error: HTTPException) -> flask.Response:
    """The problem+json response for an error of HTTP."""
    headers = {}
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(sorted(error.valid_methods))
    elif isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    return problem(error.code or 500, error.description or "", headers=headers)
