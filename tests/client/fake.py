"""A server that says what a test wants it to say, over HTTP; for sockets it has no time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Reply = tuple[int, dict[str, str], Any]


class FakeServer:
    """``answers`` are given one after the other, the last one for ever; ``asked`` is each poll."""

    def __init__(self) -> None:
        self.answers: list[Reply] = [(200, {}, [])]
        self.asked: list[tuple[str, str]] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._reply))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def tokens(self) -> list[str]:
        return [token for _, token in self.asked]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.shutdown()
        self._thread.join(10)
        self._http.server_close()

    def _reply(self, path: str, token: str) -> Reply:
        if path.startswith("/socket.io"):
            return 503, {}, None
        self.asked.append((path, token))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def _handler(reply: Callable[[str, str], Reply]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            status, headers, content = reply(self.path, token)
            body = json.dumps(content).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            pass

    return Handler


def event(data: object, timestamp: float = 1.0, name: str = "step") -> dict[str, object]:
    return {"name": name, "data": data, "timestamp": timestamp}
