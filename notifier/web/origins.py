"""Which pages may speak for a signed-in browser: our own, and those on the allow-list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["allow"]


def allow(allowed: tuple[str, ...]) -> Callable[[str | None, Mapping[str, Any]], bool]:
    """A check of a request's ``Origin`` header against its WSGI environment.

    An absent origin passes: browsers send one with every WebSocket and every write from a page.
    The scheme and host of the environment count as our own; ``X-Forwarded`` headers have been
    applied or removed before.
    """

    def check(origin: str | None, environ: Mapping[str, Any]) -> bool:
        if origin is None or origin in allowed:
            return True
        return origin == f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"

    return check
