"""Which pages may speak for a signed-in browser: our own, and those on the allow-list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

__all__ = ["allow", "same_host"]


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


def same_host(origin: str | None, environ: Mapping[str, Any], allowed: tuple[str, ...]) -> bool:
    """Whether a socket's page is on our host, whatever proxies did to the scheme.

    For a server whose own check is off, and which answers the preflight of any page for any header:
    with long polling a page can send ``X-Forwarded-Host``, or (by JSONP) no origin at all. It can
    do neither with a WebSocket, nor can it set the ``Sec-`` headers that are read here.
    """
    upgrade = _is_upgrade(environ)
    if origin is None:
        return upgrade or environ.get("HTTP_SEC_FETCH_SITE") == "same-origin"
    if origin in allowed:
        return True
    hosts = {str(environ.get("HTTP_HOST", ""))}
    if upgrade:
        hosts.add(str(environ.get("HTTP_X_FORWARDED_HOST", "")).split(",")[0].strip())
    return urlsplit(origin).netloc in hosts - {""}


def _is_upgrade(environ: Mapping[str, Any]) -> bool:
    asked = str(environ.get("HTTP_UPGRADE", "")).lower() == "websocket"
    return asked and bool(environ.get("HTTP_SEC_WEBSOCKET_KEY"))
