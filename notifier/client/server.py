"""Where a server is."""

from __future__ import annotations

import ssl
import urllib.parse
from dataclasses import dataclass

__all__ = ["Server"]


@dataclass(frozen=True)
class Server:
    """The addresses of one server. ``context`` says which certificates are believed."""

    poll_url: str
    socket_url: str
    namespace: str
    context: ssl.SSLContext | None

    @classmethod
    def at(
        cls,
        url: str,
        *,
        poll_path: str,
        socket_path: str,
        namespace: str,
        context: ssl.SSLContext | None,
    ) -> Server:
        """The server at ``url``, whose path, if any, is in front of both paths.

        Raises ValueError for a URL that names no server.
        """
        parts = urllib.parse.urlsplit(url)
        _ = parts.port  # raises ValueError for what is no number of a port
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no http:// or https:// URL")
        if parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError(f"{url!r} must be http(s)://host[:port][/path] and nothing else")
        base = f"{parts.netloc}{parts.path.rstrip('/')}"
        secure = parts.scheme == "https"
        return cls(
            poll_url=f"{parts.scheme}://{base}/{poll_path.strip('/')}",
            socket_url=f"{'wss' if secure else 'ws'}://{base}/{socket_path.strip('/')}"
            "/?EIO=4&transport=websocket",
            namespace=namespace,
            # The defaults verify the certificate and that it is the host's.
            context=(context or ssl.create_default_context()) if secure else None,
        )
