"""A live client: one WebSocket, one thread, the client rule, and polls over HTTP."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import requests
import websocket

from notifier.models import UNREAD
from tests.rule import Json, Rule

GRACE = 0.1
RETRY = 0.2


class Refused(Exception):
    """The server answered CONNECT with an error; ``args[0]`` is its code."""


class Listener:
    """Follows one user by token, until ``close``. ``received`` is every packet of an event."""

    def __init__(self, url: str, token: str | None, polls: bool = True, **options: Any) -> None:
        self.url = url
        self.rule = Rule()
        self.received: list[tuple[str, Json]] = []
        self.polled = 0
        self.problem: BaseException | None = None
        self._polls = polls
        self._token = token
        self._due: float | None = None
        self._full = False
        self._http = requests.Session()
        self._socket = self._connect(**options)
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def count(self) -> Any:
        """The badge."""
        return self.rule.value(UNREAD)

    def close(self) -> None:
        """Hang up."""
        self._closing = True
        self._socket.close()
        self._thread.join(5)
        # After the server has hung up, close() does nothing.
        self._socket.shutdown()
        self._http.close()

    def _connect(self, **options: Any) -> websocket.WebSocket:
        address = self.url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
        socket = websocket.WebSocket()
        socket.settimeout(20)
        try:
            socket.connect(address, **{"suppress_origin": True, **options})
        except BaseException:
            socket.shutdown()
            raise
        assert str(socket.recv()).startswith("0")
        auth = {} if self._token is None else {"token": self._token}
        socket.send("40" + json.dumps(auth))
        answer = str(socket.recv())
        # Under threads an event may come before CONNECT, and the head comes after it anyway.
        while answer == "2" or answer.startswith("42"):
            if answer == "2":
                socket.send("3")
            answer = str(socket.recv())
        if answer.startswith("44"):
            socket.close()
            raise Refused(json.loads(answer[2:])["data"]["code"])
        assert answer.startswith("40"), answer
        return socket

    def _run(self) -> None:
        try:
            while not self._closing:
                self._wait()
                if self._due is not None and time.monotonic() >= self._due:
                    self._catch_up()
        except (websocket.WebSocketException, OSError) as error:
            self.problem = None if self._closing else error

    def _wait(self) -> None:
        left = 0.5 if self._due is None else max(self._due - time.monotonic(), 0.001)
        self._socket.settimeout(left)
        try:
            self._take(str(self._socket.recv()))
        except websocket.WebSocketTimeoutException:
            return

    def _take(self, packet: str) -> None:
        if packet == "2":
            self._socket.send("3")
        elif packet.startswith("42"):
            name, data = json.loads(packet[2:])
            self.received.append((name, data))
            if name == "head":
                if self.rule.head(data["timestamp"]):
                    self._full = True
                    self._schedule()
            elif self.rule.push(data):
                self._schedule()

    def _schedule(self) -> None:
        if self._due is None:
            self._due = time.monotonic() + GRACE

    def _catch_up(self) -> None:
        full, self._full, self._due = self._full, False, None
        if not self._polls or not (self.rule.holes or full):
            return
        since = self.rule.ask(full)
        answer = self._http.get(
            f"{self.url}/notifications",
            params={"since": repr(since)},
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=10,
        )
        if answer.status_code == 503:
            # As the clients do: what it asked for is still wanted.
            self._full, self._due = full, time.monotonic() + RETRY
            return
        self.rule.answer(since, answer.json())
        self.polled += 1
