"""Routes that answer every method, in the words of the API."""

from __future__ import annotations

from collections.abc import Callable

import flask
from werkzeug.exceptions import MethodNotAllowed

__all__ = ["Routes"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})


class Routes:
    """The routes of a blueprint, to which views are added and which is closed at last.

    Flask answers a method that a path does not have before it knows whose path it is, so the
    host's error page would come of it. Here it is a problem like all others.
    """

    def __init__(self, blueprint: flask.Blueprint) -> None:
        self._blueprint = blueprint
        self._methods: dict[str, set[str]] = {}

    def add(
        self, path: str, endpoint: str, view: Callable[[], flask.Response], method: str = "GET"
    ) -> None:
        """Let ``view`` answer ``method`` on ``path``, and HEAD where it is GET."""
        self._methods.setdefault(path, set()).add(method)
        self._blueprint.add_url_rule(
            path, endpoint, view, methods=[method], provide_automatic_options=False
        )

    def close(self) -> None:
        """Answer all other methods on the paths that there are."""
        for path, methods in self._methods.items():
            allowed = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
            self._blueprint.add_url_rule(
                path,
                f"other_methods_of{path.replace('/', '_').replace('.', '_')}",
                _refusal(sorted(allowed)),
                methods=sorted((_METHODS - allowed) | {"OPTIONS"}),
            )


def _refusal(allowed: list[str]) -> Callable[[], flask.Response]:
    def other() -> flask.Response:
        if flask.request.method != "OPTIONS":
            raise MethodNotAllowed(allowed)
        return flask.Response(status=204, headers={"Allow": ", ".join(allowed)})

    return other
