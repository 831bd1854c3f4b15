"""The public address as a browser's socket sees it: the upgrade, the sign-in, a push."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from redis.exceptions import RedisError

from ..broker.wire import encode_event
from ..operations import Event
from ..stamps import system_clock
from .handshake import WAIT_SECONDS, Answer, WebSocket, place_of, shake_hands, socket_target
from .public import lost, test_user
from .report import Result, ok, skipped, warning, wrong
from .site import Site

__all__ = ["json_after", "packets", "prefix", "push", "sign_in", "upgrade"]

_EVENT = "notifier.doctor"
_PUSH_SECONDS = 4.0  # for what takes some milliseconds
_EVERY_SECONDS = 0.5  # between two tries to push: the worker may only now be subscribing

_FORWARD = (
    "Let the proxy speak HTTP/1.1 to the app and pass on the headers Upgrade and Connection; "
    "docs/deploying.md has snippets for nginx and haproxy. Until then pages only poll."
)
_BUFFERED = (
    "The upgrade went through but what the app says does not: a proxy holds it back (nginx: "
    "proxy_buffering off), or the app hangs. Look at its log."
)
_HOST = (
    "The app does not know its public address. Let the proxy send Host unchanged and set (not add) "
    "X-Forwarded-Proto, X-Forwarded-For and X-Forwarded-Host, and set NOTIFIER_TRUSTED_PROXIES to "
    "the number of proxies. If pages of another host connect, name it in "
)
_ORIGIN = {
    False: f"{_HOST}NOTIFIER_ALLOWED_ORIGINS.",
    True: f"{_HOST}cors_allowed_origins of the app's SocketIO.",
}


def upgrade(site: Site) -> Result:
    """Whether a WebSocket gets through to the app, with the Origin a page would send."""
    if "websocket" not in site.joint.transports:
        return skipped("the app offers no WebSockets")
    place = place_of(str(site.url))
    origin = f"{place.scheme}://{place.netloc.rpartition('@')[2]}"
    began = time.monotonic()
    try:
        answer = shake_hands(place, socket_target(place, site.socket_path), origin)
        if isinstance(answer, WebSocket):
            return _opened(site, answer, time.monotonic() - began)
        return _refused(answer, origin, site.joint.shared)
    except TimeoutError:
        return wrong(
            f"the handshake had no answer within {WAIT_SECONDS:g} s",
            f"A proxy holds it back: it waits for an answer that never ends. {_FORWARD}",
        )
    except ConnectionError as error:
        return wrong(f"the handshake was cut: {error}", _FORWARD)
    except (OSError, ValueError) as error:
        return lost(str(site.url), error)


def sign_in(site: Site) -> Result:
    """Whether the socket is accepted with a token of this shell, and is told a head."""
    socket = site.socket
    assert socket is not None
    token = json.dumps({"token": site.notifier.token(test_user(site))})
    socket.send(f"40{prefix(site)}{token}")
    try:
        for packet in packets(socket, time.monotonic() + WAIT_SECONDS):
            if packet.startswith("44"):
                return _turned_away(packet, site)
            if _named(packet, site) == "head":
                return ok("the app's own token is accepted, and the head is told")
    except (OSError, ValueError) as error:
        return wrong(f"the socket was lost while signing in: {error}", _FORWARD)
    return wrong(
        f"the socket was told no head within {WAIT_SECONDS:g} s",
        _BUFFERED,
    )


def push(site: Site) -> Result:
    """Whether what this shell publishes reaches the socket: same Redis, same key, same channels."""
    if not site.settings.redis_url:
        if site.broker_of_server == "ok":
            return warning(
                "the server has a broker, and this shell has no REDIS_URL",
                "Run the doctor, and whatever else sends, with the environment of the server.",
            )
        return skipped("REDIS_URL is not set")
    began = time.monotonic()
    try:
        pushed = _pushed(site)
    except RedisError as error:
        return skipped(f"nothing can be published here, see 'redis': {error}")
    except (OSError, ValueError) as error:
        return wrong(f"the socket was lost while waiting for a push: {error}", _FORWARD)
    if pushed:
        return ok(
            f"published here, it was on the socket {1000 * (time.monotonic() - began):.0f} ms later"
        )
    return wrong(
        f"what this shell publishes does not reach the socket (server's broker: "
        f"{site.broker_of_server})",
        "The server uses another Redis, another NOTIFIER_CHANNEL, or another SECRET_KEY (or "
        "NOTIFIER_BROKER_KEY). Give every process the same environment.",
    )


def _opened(site: Site, socket: WebSocket, seconds: float) -> Result:
    site.socket = socket
    try:
        packet = socket.receive(WAIT_SECONDS)
    except TimeoutError:
        return wrong("a WebSocket opens, and nothing comes through it", _BUFFERED)
    if not packet.startswith("0{"):
        return wrong(
            f"a WebSocket opens there, but not ours: it says {packet[:40]!r}",
            f"Route {site.socket_path} to the app.",
        )
    return ok(f"a WebSocket opens in {1000 * seconds:.0f} ms, with the Origin of a page")


def _refused(answer: Answer, origin: str, shared: bool) -> Result:
    signed = f" by {answer.server}" if answer.server else ""
    found = f"the handshake is answered {answer.status}{signed} instead of 101"
    if "origin" in answer.body.lower():
        return wrong(f"{found}: the app does not accept the Origin {origin}", _ORIGIN[shared])
    if "upgrade" in answer.body.lower() or "handshake" in answer.body.lower():
        return wrong(f"{found}: a proxy took the upgrade away", _FORWARD)
    return wrong(found, _MEANINGS.get(answer.status, _by_class(answer)))


_MEANINGS = {
    200: f"Something else answers there, or a proxy took the upgrade away. {_FORWARD}",
    400: f"Proxy or app found the request malformed: it may speak another protocol. {_FORWARD}",
    401: "The proxy asks for a password, which a page's socket cannot give. Exempt the path.",
    403: "The proxy (a firewall, a WAF) forbids it. Allow WebSockets for the path.",
    404: "Nobody serves the path. Route NOTIFIER_SOCKET_PATH (/socket.io), or the path of the "
    "app's own SocketIO, to the app, whole.",
    426: f"Upgrade required: a proxy took it away on the way to the app. {_FORWARD}",
    502: "The proxy cannot reach the app, or does not understand its 101. Check its address.",
    503: "The proxy has no app to send it to, or the worker has no place for another connection.",
    504: f"The app did not answer the proxy in time. {_FORWARD}",
}


def _by_class(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        return (
            f"It redirects to {answer.headers.get('location', 'nowhere')}, which no WebSocket "
            "follows. Serve the socket path at this address, or give --url the other one."
        )
    return f"Look at the proxy's log. {_FORWARD}"


def _turned_away(packet: str, site: Site) -> Result:
    told = json_after(packet, 2 + len(prefix(site)))
    code = (told.get("data") or {}).get("code", "") if isinstance(told, dict) else ""
    if code in ("revoked", "unauthorized", "expired"):
        return wrong(
            f"the server does not accept a token made here ({code})",
            "It has another SECRET_KEY or NOTIFIER_TOKEN_KEYS than this shell (or its clock is "
            "far ahead). Give every process the same environment.",
        )
    return wrong(
        f"the server refused the socket ({code or packet[:60]!r})",
        "Look at its log; 'unavailable' is its database.",
    )


def _pushed(site: Site) -> bool:
    """Publish until the event comes back on the socket; False if it does not."""
    assert site.socket is not None
    channel = site.wire.channel(test_user(site))
    event = Event(test_user(site), _EVENT, site.visit, stamp=1, previous=0)
    sender = site.endpoint.sender()
    deadline = time.monotonic() + _PUSH_SECONDS
    try:
        while (now := time.monotonic()) < deadline:
            content = encode_event(event, system_clock())
            sender.send([(channel, site.wire.seal(channel, content))])
            until = min(now + _EVERY_SECONDS, deadline)
            if any(_named(one, site) == _EVENT for one in packets(site.socket, until)):
                return True
        return False
    finally:
        sender.close()


def packets(socket: WebSocket, deadline: float) -> Iterator[str]:
    """Socket.IO packets until the deadline; heartbeats are answered."""
    while (left := deadline - time.monotonic()) > 0:
        try:
            packet = socket.receive(left)
        except TimeoutError:
            return
        if packet == "2":
            socket.send("3")
        else:
            yield packet


def prefix(site: Site) -> str:
    """How a packet names our namespace; the default one has no name."""
    namespace = site.settings.namespace
    return "" if namespace == "/" else f"{namespace},"


def _named(packet: str, site: Site) -> str:
    """The name of the event that a packet carries, if it carries one."""
    start = f"42{prefix(site)}"
    fields = json_after(packet, len(start)) if packet.startswith(start) else None
    return str(fields[0]) if isinstance(fields, list) and fields else ""


def json_after(packet: str, start: int) -> Any:
    """What a packet holds from ``start`` on, None if that is no JSON."""
    try:
        return json.loads(packet[start:])
    except ValueError:
        return None
