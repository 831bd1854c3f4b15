"""Long polling, for those who turn it on: on the lean transport, with real requests."""

from __future__ import annotations

import json
import threading

import pytest
import requests

from tests.engine.clients import events
from tests.engine.served import Served, WebSocket
from tests.support import wait_until

SEPARATOR = "\x1e"


class Poller:
    """A client that polls."""

    def __init__(self, served: Served) -> None:
        self.url = f"http://127.0.0.1:{served.port}/socket.io/?EIO=4&transport=polling"
        self.opening = json.loads(requests.get(self.url, timeout=10).text[1:])
        self.url += f"&sid={self.opening['sid']}"
        assert self.post("40").text == "OK"
        (connected,) = self.poll()
        self.sid = json.loads(connected[2:])["sid"]

    def post(self, body: str) -> requests.Response:
        return requests.post(self.url, data=body.encode(), timeout=10)

    def get(self) -> requests.Response:
        return requests.get(self.url, timeout=10)

    def poll(self) -> list[str]:
        return self.get().text.split(SEPARATOR)


@pytest.fixture
def poller(lean_server: Served) -> Poller:
    return Poller(lean_server)


def test_a_poll_waits_for_events_and_brings_them_in_order(
    lean_server: Served, poller: Poller
) -> None:
    lean_server.get(f"/emit?to={poller.sid}&count=40")
    numbers: list[int] = []
    while len(numbers) < 40:
        packets = poller.poll()
        assert len(packets) <= 16  # python-engineio's client takes no more
        numbers += [json.loads(one[2:])[1]["number"] for one in packets]
    assert numbers == list(range(40))


def test_a_post_over_the_limit_is_answered_and_ends_the_session(poller: Poller) -> None:
    assert poller.post("4" + "x" * 20_000).status_code == 400
    assert poller.get().status_code == 400


def test_17_packets_in_one_post_are_refused_and_not_lost_with_an_ok(
    lean_server: Served, poller: Poller
) -> None:
    assert poller.post(SEPARATOR.join(["3"] * 16)).text == "OK"
    assert poller.post(SEPARATOR.join(["3"] * 17)).status_code == 400
    assert poller.get().status_code == 400
    assert "Traceback" not in lean_server.output()


@pytest.mark.parametrize("body", ["nonsense", "42", "4[", "2", SEPARATOR, "d=", "d", "\x00"])
def test_a_bad_packet_ends_the_session(lean_server: Served, poller: Poller, body: str) -> None:
    assert poller.post(body).status_code == 400
    assert poller.get().status_code == 400
    assert "Traceback" not in lean_server.output()


def test_a_session_that_nobody_polls_is_bounded_and_ends(
    lean_server: Served, poller: Poller
) -> None:
    assert lean_server.get(f"/emit?to={poller.sid}&count=256") == (200, "done")
    before = lean_server.counts()
    assert lean_server.get(f"/emit?to={poller.sid}&count=2") == (200, "done")
    wait_until(lambda: lean_server.counts()["sockets"] == before["sockets"] - 1)


def test_a_poll_that_waits_is_ended_when_the_client_leaves(poller: Poller) -> None:
    answers: list[requests.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(poller.get()), daemon=True)
    waiting.start()
    assert poller.post("1").text == "OK"
    waiting.join(5)
    assert answers


def upgraded(served: Served, poller: Poller) -> WebSocket:
    return WebSocket(
        served.open(), path=f"/socket.io/?EIO=4&transport=websocket&sid={poller.opening['sid']}"
    )


def test_a_session_goes_on_over_a_websocket_and_loses_nothing(
    lean_server: Served, poller: Poller
) -> None:
    websocket = upgraded(lean_server, poller)
    websocket.send(b"2probe")
    assert websocket.receive() == b"3probe"
    lean_server.get(f"/emit?to={poller.sid}&count=5")
    assert poller.poll() == ["6"]
    websocket.send(b"5")
    lean_server.get(f"/emit?to={poller.sid}&count=1&size=1")
    assert [one["number"] for one in events(websocket, 6)] == [0, 1, 2, 3, 4, 0]
    websocket.close()


def test_a_probe_that_is_none_leaves_the_session_polling(
    lean_server: Served, poller: Poller
) -> None:
    websocket = upgraded(lean_server, poller)
    websocket.send(b"2nonsense")
    assert websocket.receive_all() == b""
    websocket.close()
    lean_server.get(f"/emit?to={poller.sid}&count=1")
    assert json.loads(poller.poll()[0][2:])[1]["number"] == 0
