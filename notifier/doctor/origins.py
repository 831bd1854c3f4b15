"""Whether the public address tells whose page a socket belongs to, and who asks."""

from __future__ import annotations

import time

from .handshake import WAIT_SECONDS, Answer, WebSocket, place_of, shake_hands, socket_target
from .report import Result, ok, warning, wrong
from .site import Site
from .sockets import json_after, packets, prefix

__all__ = ["origin"]

_FOREIGN = "doctor.invalid"  # nobody can have it (RFC 6761)


def origin(site: Site) -> Result:
    """Whether pages of other sites are kept out, and forged headers are not believed."""
    if _lets_in(site):
        return wrong(
            "a page of any other site can open a socket here, with the cookie of whoever visits it",
            "A proxy removes or rewrites the header Origin. Let it pass on what the browser sent; "
            "if that was to cure refused sockets, see the check 'upgrade' for the cause.",
        )
    if _lets_in(site, forged=True):
        return warning(
            "what a client writes into X-Forwarded headers is believed",
            "It can pretend any address, also to /metrics. Let the outermost proxy set these "
            "headers instead of adding to them, and NOTIFIER_TRUSTED_PROXIES be the number of "
            "proxies there really are.",
        )
    return ok("pages of other sites are refused, and forged headers are not believed")


def _lets_in(site: Site, forged: bool = False) -> bool:
    """Whether a page of another host gets in; ``forged``: with headers that say it is ours."""
    place = place_of(str(site.url))
    host = _FOREIGN if place.port is None else f"{_FOREIGN}:{place.port}"
    port = place.port or (443 if place.scheme == "https" else 80)
    headers = (
        f"X-Forwarded-Host: {host}",
        f"X-Forwarded-Proto: {place.scheme}",
        f"X-Forwarded-Port: {port}",
    )
    origin = f"{place.scheme}://{host}"
    answer = shake_hands(
        place, socket_target(place, site.socket_path), origin, headers if forged else ()
    )
    if isinstance(answer, Answer):
        return False
    try:
        return not _refuses_cookies(answer, site)
    finally:
        answer.close()


def _refuses_cookies(socket: WebSocket, site: Site) -> bool:
    """Whether our namespace says that a cookie would not count on this page.

    A host may let any page have sockets, for namespaces of its own. Ours says so before it looks
    for a cookie, which the doctor has not got.
    """
    start = f"44{prefix(site)}"
    try:
        socket.send(f"40{prefix(site)}")
        for packet in packets(socket, time.monotonic() + WAIT_SECONDS):
            if packet.startswith(start):
                told = json_after(packet, len(start))
                data = told.get("data") if isinstance(told, dict) else None
                return isinstance(data, dict) and data.get("foreign") is True
            if packet.startswith(f"40{prefix(site)}"):
                return False
    except (OSError, ValueError):
        # Cut, or not our server: the check 'sign-in' tells of that.
        return False
    return False
