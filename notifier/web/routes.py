"""Routes whose paths refuse other methods in the words of the API."""

from __future__ import annotations

from collections.abc import Callable

import flask
from werkzeug.exceptions import MethodNotAllowed

from .problems import http_problem

__all__ = ["Routes"]


class Routes:
    """The routes of a blueprint, to which views are added and which is closed at last.

    Flask refuses a method that a path does not have before it knows whose path that is, so the
    host's error page would come of it. Here it is a problem like all others.
    """

    def __init__(self, blueprint: flask.Blueprint) -> None:
        self._blueprint = blueprint
        self._paths: set[str] = set()

    def add(
        self, path: str, endpoint: str, view: Callable[[], flask.Response], method: str = "GET"
    ) -> None:
        """Let ``view`` answer ``method`` on ``path``, and HEAD where it is GET."""
        self._paths.add((self._blueprint.url_prefix or "") + path)
        self._blueprint.add_url_rule(path, endpoint, view, methods=[method])

    def close(self) -> None:
        """Refuse all other methods on the paths that there are."""
        self._blueprint.before_app_request(self._refuse)

    def _refuse(self) -> flask.Response | None:
        request = flask.request
        error = request.routing_exception
        if isinstance(error, MethodNotAllowed) and request.path in self._paths:
            return http_problem(error)
        return None
