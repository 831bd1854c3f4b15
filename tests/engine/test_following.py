"""A WebSocket is read after its request, of which nothing is kept that only a request needs."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import eventlet

from notifier.engine.green import Green
from notifier.engine.requests import FOLLOW
from notifier.engine.server import _ConnectionPool


def test_our_server_is_given_the_reader_for_after_the_request() -> None:
    given: list[Callable[[], None]] = []
    read: list[str] = []
    reader = lambda: read.append("all")  # noqa: E731 -- to be the same object
    Green().follow({FOLLOW: given.append}, reader)
    assert given == [reader]
    assert read == []


class TakenOver:
    """An application whose WebSocket somebody follows."""

    def __init__(self) -> None:
        self.followed: list[object] = []
        self.follow = self.followed.append

    def taken_over(self, _sock: object) -> bool:
        return True


def test_a_websocket_is_followed_to_its_end_even_if_its_request_broke() -> None:
    application, ended = TakenOver(), eventlet.Event()
    log = SimpleNamespace(client_gone=lambda *_: None)
    pool = _ConnectionPool(1, log, None, application)  # type: ignore[arg-type]

    def request(_connection: object) -> None:
        raise OSError("reset")

    pool.spawn(request, ["address", "socket", "idle"]).link(lambda _: ended.send(None))
    with eventlet.Timeout(5):
        ended.wait()
    assert application.followed == ["socket"]
    assert pool.free() == 1


def test_any_other_server_waits_for_the_reader() -> None:
    read: list[str] = []
    Green().follow({}, lambda: read.append("all"))
    assert read == ["all"]


def test_handlers_keep_the_headers_and_not_the_request() -> None:
    environ: dict[str, Any] = {
        FOLLOW: lambda _: None,
        "HTTP_COOKIE": "session=1",
        "wsgi.input": object(),
        "eventlet.input": object(),
        "werkzeug.request": object(),
        "headers_raw": (),
    }
    Green().follow(environ, lambda: None)
    assert environ.keys() == {"HTTP_COOKIE", "wsgi.input"}
    assert environ["wsgi.input"].read() == b""
