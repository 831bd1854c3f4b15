"""What requests carry and answers say: JSON, both ways."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import flask
import werkzeug.exceptions

from ..errors import InvalidInput

__all__ = ["LARGEST_REQUEST", "answer", "answer_text", "fields", "spell"]

LARGEST_REQUEST = 2 * 1024 * 1024
"""Bytes. Ten thousand recipients of 64 ASCII characters and the longest body fit in.

Any other character may take up to 12 bytes of JSON; a request of 8 MB would hold up a worker.
"""


def spell(content: object) -> str:
    """JSON as it is answered."""
    # Without the app's JSON provider, which a host may have made to spell things differently.
    return json.dumps(content, separators=(",", ":")) + "\n"


def answer(content: object, status: int = 200) -> flask.Response:
    """A response with ``content`` as JSON, which nobody may keep."""
    return answer_text(spell(content), status)


def answer_text(text: str, status: int = 200) -> flask.Response:
    """A response with JSON that is spelt already."""
    response = flask.Response(text, status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def fields(known: set[str], required: set[str]) -> Mapping[str, Any]:
    """The members of the request's JSON object. Raises BadRequest or InvalidInput."""
    content = _parsed(_received())
    if not isinstance(content, dict):
        raise werkzeug.exceptions.BadRequest("Send a JSON object.")
    _complain(sorted(required - content.keys()), "is missing")
    _complain(sorted(content.keys() - known), "is not a member of this request")
    return content


def _received() -> bytes:
    # Of a body whose length is not announced werkzeug reads as much as it may, and leaves the rest:
    # one byte more shows whether there was any.
    flask.request.max_content_length = LARGEST_REQUEST + 1
    content = flask.request.get_data()
    if len(content) > LARGEST_REQUEST:
        raise werkzeug.exceptions.RequestEntityTooLarge
    return content


def _parsed(text: bytes) -> object:
    # As in `spell`: what a host's provider makes of numbers or names is not what was sent.
    try:
        return json.loads(text)
    except ValueError as error:
        raise werkzeug.exceptions.BadRequest from error
    except RecursionError as error:
        raise werkzeug.exceptions.BadRequest("The JSON is nested too deeply.") from error


def _complain(names: Iterable[str], problem: str) -> None:
    for name in names:
        raise InvalidInput(name, problem)
