"""The opening handshake of a WebSocket (RFC 6455, section 4.2)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["accept", "asked_for", "problem"]

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_KEY_BYTES = 16  # section 4.1


def asked_for(environ: WSGIEnvironment) -> bool:
    """Whether a request wants to become a WebSocket."""
    connection = str(environ.get("HTTP_CONNECTION", "")).lower()
    upgrade = str(environ.get("HTTP_UPGRADE", "")).lower()
    return upgrade == "websocket" and "upgrade" in [part.strip() for part in connection.split(",")]


def problem(environ: WSGIEnvironment) -> str | None:
    """Why a request cannot become a WebSocket, None if it can."""
    if not asked_for(environ):
        return "Not a WebSocket handshake"
    if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13":
        return "Only version 13 of WebSocket is spoken"
    try:
        key = base64.b64decode(environ.get("HTTP_SEC_WEBSOCKET_KEY", ""), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    return None if len(key) == _KEY_BYTES else "No usable Sec-WebSocket-Key"


def accept(environ: WSGIEnvironment) -> bytes:
    """The response that makes the request a WebSocket. It agrees on no extension."""
    key = str(environ["HTTP_SEC_WEBSOCKET_KEY"]) + _GUID
    digest = hashlib.sha1(key.encode(), usedforsecurity=False).digest()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
    )
