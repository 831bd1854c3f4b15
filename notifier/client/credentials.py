"""The user token, and how a new one is had."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..errors import TokenError

__all__ = ["Credentials", "Token"]

Token = str | Callable[[], str]
"""A user token, or a function that brings a new one."""


class Credentials:
    """Keeps a token until the server refuses it. For several threads.

    Of a function's tokens two may be refused in a row: the first may have been old already.
    """

    def __init__(self, token: Token) -> None:
        self._bring = token if callable(token) else None
        self._token = None if callable(token) else _checked(token)
        self._refusals = 0
        self._lock = threading.Lock()

    def current(self) -> str:
        """The token to send; asks the function for one if need be, and raises what it raises."""
        with self._lock:
            if self._token is None:
                assert self._bring is not None
                self._token = _checked(self._bring())
            return self._token

    def accepted(self, token: str) -> None:
        """The server took this token."""
        with self._lock:
            if token == self._token:
                self._refusals = 0

    def refused(self, token: str, error: TokenError) -> None:
        """The server did not. Raises ``error`` if no other token will come."""
        with self._lock:
            if token != self._token:
                return
            self._refusals += 1
            if self._bring is None or self._refusals > 1:
                raise error
            self._token = None


def _checked(token: object) -> str:
    # What is no single line of ASCII cannot be a header, and would fail deep inside.
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
        raise TypeError(f"a user token is a line of text, not {type(token).__name__} like this")
    return token
