"""Who is asking: a browser by the host's session, a program by a user token."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard

import flask
import werkzeug.exceptions

from .. import checks
from ..errors import InvalidInput
from ..idempotency import user_label
from .tokens import Tokens

__all__ = ["Caller", "Identify", "Identity", "has_token"]

log = logging.getLogger("notifier.web")

Identify = Callable[[], object]
"""Returns the signed-in user's id in a request, or None."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The user behind a request, and whether a browser's cookie said so."""

    user: str
    by_cookie: bool

    @property
    def label(self) -> str:
        """Names the user among all callers."""
        return user_label(self.user)


def has_token(auth: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a socket comes with a user token, rather than with a browser's cookies."""
    return isinstance(auth, dict) and auth.get("token") is not None


class Identity:
    """Answers who is behind a request, over HTTP or Socket.IO."""

    def __init__(self, identify: Identify | None, tokens: Tokens) -> None:
        self._identify = identify
        self.tokens = tokens
        self._complained = False

    def of_request(self) -> Caller:
        """The caller of the current request.

        Raises Unauthorized if nobody is signed in, TokenError for a bearer token that is no good.
        """
        scheme, _, credential = flask.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return Caller(self.tokens.user(credential.strip()), by_cookie=False)
        user = self.of_session()
        if user is None:
            raise werkzeug.exceptions.Unauthorized(
                "Sign in, or send a user token as 'Authorization: Bearer <token>'."
            )
        return Caller(user, by_cookie=True)

    def of_socket(self, auth: object) -> str | None:
        """The user behind a socket: of ``auth``'s token if it has one, else of the session.

        Raises TokenError for a token that is no good.
        """
        if has_token(auth):
            return self.tokens.user(auth["token"])
        return self.of_session()

    def of_session(self) -> str | None:
        """The user whom the host says is signed in, or None."""
        user = self._identify() if self._identify is not None else None
        if user is None:
            return None
        try:
            return checks.user_id(user, "user")
        except InvalidInput as error:
            if not self._complained:
                log.warning(
                    "A signed-in user has no notifications, since his id is no id: %s", error
                )
            self._complained = True
            return None
