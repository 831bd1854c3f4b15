"""What the browser is told: which content may run, who may frame it, when cookies travel."""

from __future__ import annotations

import flask
from flask.sessions import SecureCookieSessionInterface
from werkzeug.exceptions import HTTPException

__all__ = ["CookieSessions", "is_own_page", "protect"]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "object-src 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Our own pages need it: over https, a form's referrer is part of the CSRF check.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class CookieSessions(SecureCookieSessionInterface):
    """Flask's own sessions; over https their cookie never travels in the clear."""

    def get_cookie_secure(self, app: flask.Flask) -> bool:
        """Tell whether the cookie is for https only."""
        return flask.request.is_secure or super().get_cookie_secure(app)


def protect(app: flask.Flask) -> None:
    """Add the headers to every response, and keep pages out of caches."""
    app.session_interface = CookieSessions()

    @app.after_request
    def add_headers(response: flask.Response) -> flask.Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if response.mimetype == "text/html":
            response.headers["Cache-Control"] = "no-store"
        return response


def is_own_page(target: str) -> bool:
    """Tell whether ``target`` is a path of a page of this app, and so safe to redirect to.

    Browsers take a backslash for a slash and skip control characters, so neither may occur.
    """
    if not target.startswith("/") or target.startswith("//"):
        return False
    if "\\" in target or any(char <= " " for char in target):
        return False
    adapter = flask.current_app.create_url_adapter(flask.request)
    if adapter is None:
        return False
    try:
        endpoint, _ = adapter.match(target.partition("?")[0], method="GET")
    except HTTPException:
        return False
    return bool(endpoint)
