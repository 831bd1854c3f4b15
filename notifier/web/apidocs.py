"""The document of the API, and a page on which people read it and try it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import flask

from .bodies import answer
from .callers import leave_session_alone
from .openapi import document

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["DOCUMENT", "PAGE", "ApiDocs"]

DOCUMENT = "/api/v1/openapi.json"
PAGE = "/api/v1/docs"

# A page on which people type keys runs nothing of anybody else, and nobody frames it. A host that
# sets a policy of its own keeps it.
_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


class ApiDocs:
    """The two views."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    def openapi(self) -> flask.Response:
        """The OpenAPI document."""
        leave_session_alone()
        prefix = flask.url_for(".openapi").removesuffix(DOCUMENT)
        cookie = flask.current_app.config["SESSION_COOKIE_NAME"]
        return answer(document(self._notifier.settings, prefix, cookie))

    def page(self) -> flask.Response:
        """The page."""
        leave_session_alone()
        response = flask.make_response(flask.render_template("notifier/api.html"))
        response.headers["Content-Security-Policy"] = _POLICY
        return response
