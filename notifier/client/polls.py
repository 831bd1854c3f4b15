"""One poll over HTTP, with an end."""

from __future__ import annotations

import http.client
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.error import HTTPError

from ..errors import TokenError
from .bounded import opening
from .errors import CannotFollow
from .rule import Json
from .server import Server
from .timing import FETCH_TIMEOUT, interval_from, retry_after
from .wire import decode, is_answer

__all__ = ["Answer", "Busy", "fetch"]

_CHUNK = 65_536
# Of a page that explains an error.
_MOST_DETAIL = 2_000

# "Too early" or "too many": the client errors that pass.
_PASSING = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Answer:
    """The events since what was asked, and the pace in seconds that the server wishes for."""

    events: Sequence[Json]
    interval: float | None


class Busy(OSError):
    """The server answered that it cannot answer now; ask again after ``retry_after`` seconds."""

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after


def fetch(server: Server, since: float, token: str) -> Answer:
    """Ask for the events after ``since``.

    Raises TokenError for a refused token, CannotFollow where asking again would not help,
    Busy, or another OSError or ValueError where it might.
    """
    deadline = time.monotonic() + FETCH_TIMEOUT
    request = urllib.request.Request(  # noqa: S310 -- http or https, see Server.at
        f"{server.poll_url}?since={since!r}",
        headers={
            "Accept": "application/json",
            "Authorization": f"Bearer {token}",
            "User-Agent": "flask-notifier",
        },
    )
    try:
        with opening(server, FETCH_TIMEOUT)(request) as found:
            events = decode(_read(found, deadline))
            interval = interval_from(found.headers.get("Poll-Interval"))
    except HTTPError as error:
        with error:
            raise _failure(server.poll_url, error) from None
    except http.client.HTTPException as error:
        raise ConnectionError(f"{server.poll_url} does not speak HTTP: {error!r}") from error
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise ConnectionError(f"no answer from {server.poll_url}: {reason}") from error
    if not is_answer(events):
        raise ValueError(f"{server.poll_url} did not answer with events")
    return Answer(events, interval)


def _read(response: http.client.HTTPResponse, deadline: float) -> bytes:
    chunks = []
    while chunk := response.read1(_CHUNK):
        chunks.append(chunk)
        if time.monotonic() > deadline:
            raise TimeoutError(f"the answer took longer than {FETCH_TIMEOUT:g} s")
    return b"".join(chunks)


def _failure(url: str, error: HTTPError) -> Exception:
    status = error.code
    text = f"{url} answered {status}{_detail(error)}"
    if status == 401:
        return TokenError(text)
    if status >= 500 or status in _PASSING:
        return Busy(text, retry_after(error.headers.get("Retry-After")))
    if 300 <= status < 400:
        return CannotFollow(f"{text}: it redirects to {error.headers.get('Location')}")
    return CannotFollow(text)


def _detail(error: HTTPError) -> str:
    """What a problem+json answer says, in brackets."""
    try:
        detail = decode(error.read(_MOST_DETAIL))["detail"]
    except (OSError, http.client.HTTPException, ValueError, TypeError, KeyError):
        return ""
    return f" ({detail})"
