"""The public address over HTTP: does it lead to this app, and does the fallback work there."""

from __future__ import annotations

import email.utils
import http.client
import json
import ssl
from typing import Any

from ..stamps import system_clock
from .database import judge_skew
from .handshake import WAIT_SECONDS, Answer, connect, place_of
from .report import Result, ok, skipped, warning, wrong
from .site import Site

__all__ = ["NO_URL", "clock", "lost", "poll", "server", "test_user"]

NO_URL = "give the public address: --url https://..."
_LARGEST = 65_536  # bytes of an answer that are looked at
_HONOUR = "Let the proxy honour Cache-Control: no-store, or keep nothing of this path."
# Longest idle time of a socket that balancers and proxies bear by default, in seconds.
_USUAL_IDLE = 60


def server(site: Site) -> Result:
    """Whether the address leads to a server of this app that is ready."""
    if not site.url:
        return skipped(NO_URL)
    try:
        answer = _get(site, site.path("readyz", "/readyz"))
    except (OSError, ValueError, http.client.HTTPException) as error:
        return lost(site.url, error)
    if 300 <= answer.status < 400:
        return wrong(
            f"{site.url} redirects to {answer.headers.get('location', 'nowhere')}",
            "A WebSocket follows no redirect. Give the address that pages are really served at.",
        )
    if _asks_for_password(answer):
        return skipped(f"{site.url} asks for a password, which the doctor has none of")
    told = _object(answer)
    if "database" not in told:
        return _without_readyz(site, answer)
    site.date = (answer.headers.get("date", ""), system_clock())
    site.broker_of_server = str(told.get("broker"))
    site.several_serve = told.get("processes") == "several"
    if answer.status != 200:
        return wrong(
            f"the server is not ready: database {told['database']}, broker {told.get('broker')}",
            "Look at its log. 'unprepared' means that init-db was not run for its DATABASE_URL.",
        )
    return _judge_heartbeat(site, told)


def _without_readyz(site: Site, answer: Answer) -> Result:
    """Whether it is this app all the same: /readyz need not be public, the poll has to be."""
    poll = _get(site, site.path("poll", "/notifications"))
    if not _is_poll(poll):
        return wrong(
            f"{site.url} answers {answer.status} without being this app {_signed(answer)}".rstrip(),
            "The proxy sends /readyz elsewhere, or cannot reach the app (502, 503, 504): check the "
            "address and port it forwards to, and that the app listens there.",
        )
    site.date = (poll.headers.get("date", ""), system_clock())
    return warning(
        f"this app answers, but not /readyz: {answer.status} {_signed(answer)}".rstrip(),
        "Whether it is ready, has a broker and is one process or several is not known. If the "
        "proxy keeps /readyz to itself, ask the server directly, too: --url http://127.0.0.1:...",
    )


def _is_poll(answer: Answer) -> bool:
    """Whether that is how the app answers a poll of somebody who is not signed in, or is."""
    refused = answer.headers.get("content-type", "").startswith("application/problem+json")
    return (answer.status == 401 and refused) or "poll-interval" in answer.headers


def _asks_for_password(answer: Answer) -> bool:
    """Whether that is a dialogue of a browser, such as HTTP's Basic; ours is a bearer's."""
    scheme = answer.headers.get("www-authenticate", "").partition(" ")[0].lower()
    return answer.status == 401 and scheme not in ("", "bearer")


def _judge_heartbeat(site: Site, told: dict[str, Any]) -> Result:
    ready = f"ready: database {told['database']}, broker {told['broker']}"
    seconds, name = site.settings.ping_interval, "NOTIFIER_PING_INTERVAL"
    if site.joint.shared:
        seconds, name = site.joint.server.eio.ping_interval, "ping_interval of the app's SocketIO"
    if seconds >= _USUAL_IDLE:
        return warning(
            f"{ready}; a heartbeat every {seconds:g} s",
            f"Proxies cut sockets that are idle for {_USUAL_IDLE} s. Lower {name}.",
        )
    return ok(ready)


def poll(site: Site) -> Result:
    """Whether the poll gets through with its token, and is not answered by a cache."""
    # An address of its own: no cache has an answer of before, or gives ours to others.
    path = f"{site.path('poll', '/notifications')}?since=0&doctor={site.visit}"
    answer = _get(site, path, _bearer(site))
    if answer.status == 401:
        return wrong(
            "the poll is answered 401 although a token was sent",
            "Either the proxy removes the Authorization header, or the server has another "
            "SECRET_KEY (or NOTIFIER_TOKEN_KEYS) than this shell.",
        )
    if answer.status != 200 or answer.body.strip() != "[]":
        return wrong(
            f"the poll is answered {answer.status} {_signed(answer)}".rstrip(),
            "It should be an empty JSON array. See what the proxy does with /notifications.",
        )
    if "age" in answer.headers or "no-store" not in answer.headers.get("cache-control", ""):
        return wrong("the poll is answered by a cache", f"Pages that poll see old news. {_HONOUR}")
    if _get(site, path, {"Authorization": "Bearer of no token"}).status == 200:
        return wrong(
            "a cache answers the poll, whoever asks: also with a token that is none",
            f"Users get the news of each other, and old ones. {_HONOUR}",
        )
    return ok("answered by the app, to the token, and not from a cache to somebody else")


def clock(site: Site) -> Result:
    """Whether this machine and the one that answers agree about the time."""
    said, received = site.date or ("", 0)
    try:
        theirs = email.utils.parsedate_to_datetime(said).timestamp()
    except ValueError:
        return skipped("the answer has no Date")
    # It is in whole seconds, rounded down: between 0 and 1 s old when it was written.
    behind = received / 1e6 - theirs
    beyond = min(behind, 0.0) + max(behind - 1.0, 0.0)
    return judge_skew(beyond, "the server")


def lost(url: str, error: Exception) -> Result:
    """What it means that ``url`` could not be talked to at all."""
    reason = " ".join(str(error).split())
    if isinstance(error, ssl.SSLCertVerificationError):
        return wrong(
            f"the certificate of {url} is not valid here: {error.verify_message}",
            "Browsers refuse it too. Renew it, send the whole chain, and name this host in it.",
        )
    if isinstance(error, ssl.SSLError):
        return wrong(
            f"no TLS with {url}: {reason}",
            "If the server speaks plain HTTP there, give --url http://...",
        )
    if isinstance(error, TimeoutError):
        return wrong(
            f"{url} does not answer within {WAIT_SECONDS:g} s",
            "A firewall drops the packets, or the proxy waits for an app that does not answer.",
        )
    return wrong(
        f"{url} cannot be reached: {reason}",
        "Check name and port, and that the proxy and the app behind it run.",
    )


def test_user(site: Site) -> str:
    """A user nobody is: nothing is stored for him."""
    return f"doctor-{site.visit}"


def _bearer(site: Site) -> dict[str, str]:
    return {"Authorization": f"Bearer {site.notifier.token(test_user(site))}"}


def _get(site: Site, path: str, headers: dict[str, str] | None = None) -> Answer:
    """GET one of the app's paths at the public address. Follows nothing."""
    place = place_of(str(site.url))
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=WAIT_SECONDS)
    # Our own connection, so that every failure to connect is told the same way.
    connection.sock = connect(place)
    try:
        host = {"Host": place.netloc.rpartition("@")[2], "User-Agent": "notifier-doctor"}
        connection.request(
            "GET", place.path.rstrip("/") + path, headers={**host, **(headers or {})}
        )
        response = connection.getresponse()
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, received, response.read(_LARGEST).decode(errors="replace"))
    finally:
        connection.close()


def _object(answer: Answer) -> dict[str, Any]:
    try:
        told = json.loads(answer.body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _signed(answer: Answer) -> str:
    return f"(by {answer.server})" if answer.server else ""
