"""The least of an Engine.IO client that has no WebSockets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import requests

SEPARATOR = "\x1e"


class LongPoll:
    """Follows one user by long polls, in whoever iterates over ``events``."""

    def __init__(self, url: str, token: str) -> None:
        self._address = f"{url}/socket.io/?EIO=4&transport=polling"
        self._http = requests.Session()
        opening = json.loads(self._get()[0][1:])
        self._address += f"&sid={opening['sid']}"
        self._post("40" + json.dumps({"token": token}))

    def events(self) -> Iterator[tuple[str, Any]]:
        """The events, name and data, as the polls bring them; it ends with the session."""
        while True:
            for packet in self._get():
                if packet == "1":
                    return
                if packet == "2":
                    self._post("3")
                if packet.startswith("42"):
                    name, data = json.loads(packet[2:])
                    yield name, data

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def _get(self) -> list[str]:
        answer = self._http.get(self._address, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.text.split(SEPARATOR)

    def _post(self, packet: str) -> None:
        answer = self._http.post(self._address, data=packet, timeout=20)
        assert answer.status_code == 200, answer.text
