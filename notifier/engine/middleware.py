"""What a request may not carry further: compression offers, and proxy headers of strangers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["ForwardedHeaders", "harden"]

_SCHEMES = {"ws": "http", "wss": "https"}
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def harden(
    wsgi_app: WSGIApplication, *, trusted_proxies: int, socket_path: str = ""
) -> WSGIApplication:
    """Put ``wsgi_app`` behind both filters. Make it the outermost layer, around Socket.IO's too.

    ``trusted_proxies`` is how many proxies stand in front. With 0 only requests below
    ``socket_path`` are filtered: what the others carry is the business of the host, who may have
    a ProxyFix of its own. Raises ValueError if it is negative.
    """
    filtered = _without_compression(ForwardedHeaders(wsgi_app, trusted_proxies))
    return filtered if trusted_proxies else _below(socket_path, filtered, wsgi_app)


def _below(path: str, inside: WSGIApplication, outside: WSGIApplication) -> WSGIApplication:
    def choose(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        chosen = inside if environ.get("PATH_INFO", "").startswith(path) else outside
        return chosen(environ, start_response)

    return choose


def _without_compression(app: WSGIApplication) -> WSGIApplication:
    """Our frames are small, and each compressed connection costs 153 KB of memory, not 62."""

    def filtered(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
        return app(environ, start_response)

    return filtered


class ForwardedHeaders:
    """Believes the last ``hops`` values of the X-Forwarded headers, then removes them all.

    Engine.IO compares a socket's Origin with these headers whoever sent them, so it must never
    see one. With ``hops=0`` they are removed unread. What the proxies said is in the scheme, the
    host and the client's address of the request afterwards.
    """

    def __init__(self, app: WSGIApplication, hops: int) -> None:
        if hops < 0:
            raise ValueError(f"hops must be 0 or more; it is {hops}")
        self._app = app
        self._entry: WSGIApplication = self._forward
        if hops:
            self._entry = ProxyFix(
                self._forward_as_browsers_say, x_for=hops, x_proto=hops, x_host=hops, x_port=hops
            )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request (WSGI)."""
        return self._entry(environ, start_response)

    def _forward_as_browsers_say(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Write scheme and host as an Origin has them, since Engine.IO compares text.

        Proxies send the default port (Heroku's X-Forwarded-Port: 443) and a WebSocket's scheme
        (Traefik's X-Forwarded-Proto: wss); browsers send neither.
        """
        scheme = str(environ["wsgi.url_scheme"])
        environ["wsgi.url_scheme"] = scheme = _SCHEMES.get(scheme, scheme)
        if "HTTP_HOST" in environ:
            default_port = _DEFAULT_PORTS.get(scheme, "")
            environ["HTTP_HOST"] = str(environ["HTTP_HOST"]).removesuffix(default_port)
        return self._forward(environ, start_response)

    def _forward(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for key in [key for key in environ if key.startswith("HTTP_X_FORWARDED")]:
            del environ[key]
        environ.pop("HTTP_FORWARDED", None)
        return self._app(environ, start_response)
