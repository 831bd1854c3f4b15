"""Who may read, who may write, and what a page of somebody else's may not do for him."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import flask
import werkzeug.exceptions
from flask.globals import request_ctx
from flask.sessions import SessionMixin

from ..apikeys import PREFIX, ApiKey, ApiKeys
from .identity import Caller
from .origins import allow

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["Callers", "leave_session_alone"]

_BEARER = "bearer "


class Callers:
    """Answers who is behind a request, and refuses who may not do what it asks for."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._own_origin = allow(notifier.settings.allowed_origins)
        self._keys = ApiKeys(lambda: notifier.store.engine)

    def reader(self) -> Caller:
        """The caller of a request that writes nothing, not even a refreshed session cookie."""
        caller = self._notifier.identity.of_request()
        leave_session_alone()
        return caller

    def writer(self) -> Caller:
        """The user who writes. Raises UnsupportedMediaType or Forbidden for a possible forgery."""
        caller = self._notifier.identity.of_request()
        if caller.by_cookie:
            self._guard_against_forgery()
        return caller

    def producer(self, scope: str) -> Caller | ApiKey:
        """The user, or the API key, that writes. Raises Forbidden for a key without ``scope``."""
        header: str = flask.request.environ.get("HTTP_AUTHORIZATION", "")
        shown = header[len(_BEARER) :].strip()
        if not shown.startswith(PREFIX) or header[: len(_BEARER)].lower() != _BEARER:
            return self.writer()
        key = self._keys.verify(shown)
        if scope not in key.scopes:
            raise werkzeug.exceptions.Forbidden(f"This API key has no scope {scope!r}.")
        return key

    def _guard_against_forgery(self) -> None:
        """A form on a foreign page can send our cookie, but neither this type nor our origin."""
        request = flask.request
        if request.mimetype != "application/json":
            raise werkzeug.exceptions.UnsupportedMediaType("Send Content-Type: application/json.")
        if not self._own_origin(request.headers.get("Origin"), request.environ):
            raise werkzeug.exceptions.Forbidden("This origin may not write for a signed-in user.")


def leave_session_alone() -> None:
    """Give the response no session to save: a permanent one would be refreshed otherwise."""
    request_ctx._session = _unsaved(flask.current_app.session_interface.null_session_class)()


# All that a null session refuses; a test holds this to Flask's own.
_WRITES = ("__setitem__", "__delitem__", "clear", "pop", "popitem", "setdefault", "update")


@functools.cache
def _unsaved(null_session: type[SessionMixin]) -> type[SessionMixin]:
    # Flask saves no null session; other extensions' hooks may still write to this one.
    writable = {name: getattr(dict, name) for name in _WRITES}
    return type("UnsavedSession", (null_session,), writable)
