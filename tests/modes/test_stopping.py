"""At its end a worker answers what runs, and sends its clients away in order."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import requests

from tests.engine.served import WebSocket
from tests.modes.hosts import Host, connect
from tests.services.process import Reaper
from tests.services.valkey import Valkey
from tests.support import wait_until

CLOSE = b"\x81\x011"  # Engine.IO's, in a frame


@dataclass
class End:
    """How a server ended that was asked to while a request ran and a socket was open."""

    status: int
    output: str
    answer: str
    farewell: bytes


@pytest.fixture(scope="module")
def end(mode: str, tmp_path_factory: pytest.TempPathFactory, reaper: Reaper, valkey: Valkey) -> End:
    host = Host(mode, folder := tmp_path_factory.mktemp("end"), reaper, valkey.url)
    told = folder / "told to end"
    client = connect(host, "alice")
    with ThreadPoolExecutor(2) as pool:
        farewell = pool.submit(hang_up_when_told, client)
        answer = pool.submit(requests.get, f"{host.url}/slow", {"until": told}, timeout=30)
        wait_until(lambda: "slow begun" in host.process.output(), 20)
        host.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "Handling signal: term" in host.process.output(), 20)
        told.touch()
        wait_until(lambda: not host.process.running, 30)
        status = host.process.kill()  # its exit code, with nothing left behind
    host.close()
    return End(status, host.process.output(), answer.result().text, farewell.result())


def hang_up_when_told(client: WebSocket) -> bytes:
    """What the server says until it has no more to say."""
    said = client.receive_all()
    client.close()
    return said


def test_it_ends_in_time_and_without_errors(end: End) -> None:
    assert end.status == 0
    assert "Traceback" not in end.output
    assert "graceful timeout" not in end.output


def test_a_request_that_runs_is_answered(end: End) -> None:
    assert end.answer == "answered"


def test_sockets_are_closed_in_order(end: End) -> None:
    assert CLOSE in end.farewell
