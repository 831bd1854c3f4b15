"""How a worker ends: nobody's answer is lost, and nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import time

import pytest

from tests.engine.conftest import Start
from tests.engine.served import Served, gone, wait_gone
from tests.support import wait_until


def begin_slow_request(served: Served, seconds: float) -> socket.socket:
    client = served.open()
    client.sendall(f"GET /slow?seconds={seconds} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    served.said("slow begun")
    return client


def answer(client: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    with client, client.makefile("rb") as stream:
        return stream.read()


def test_sigterm_lets_a_running_request_finish_and_then_stops_the_notifier(start: Start) -> None:
    served = start()
    client = begin_slow_request(served, 0.5)
    served.process.send_signal(signal.SIGTERM)
    assert answer(client).endswith(b"done")
    wait_gone(served.process.pid)
    assert served.process.returncode == 0
    log = served.output()
    assert log.index("slow answered") < log.index("notifier stopped")


def test_a_request_that_arrived_before_sigterm_is_answered(start: Start) -> None:
    served = start()
    client = served.open()
    client.sendall(b"GET /pid HTTP/1.1\r\nHost: a\r\n\r\n")
    os.kill(served.workers()[0].pid, signal.SIGTERM)
    assert b"200 OK" in client.recv(100)
    client.close()


def test_sigterm_disconnects_the_websockets(start: Start, transport: str) -> None:
    served = start(TRANSPORT=transport)
    websocket = served.websocket().connect()
    served.process.send_signal(signal.SIGTERM)
    assert websocket.receive() == b"41"  # Socket.IO's DISCONNECT
    websocket.receive_all()
    websocket.close()
    wait_gone(served.process.pid, timeout=12)  # of 29 s of patience
    assert "notifier stopped with 1 sockets" in served.output()


def test_websockets_end_with_the_worker_even_if_nothing_disconnects_them(
    start: Start, transport: str
) -> None:
    served = start(NO_NOTIFIER="1", TRANSPORT=transport)
    websocket = served.websocket().connect()
    served.process.send_signal(signal.SIGTERM)
    websocket.receive_all()
    websocket.close()
    wait_gone(served.process.pid, timeout=12)  # of 29 s of patience


def test_a_long_poll_does_not_hold_up_a_stop(start: Start, transport: str) -> None:
    served = start(TRANSPORT=transport)
    opened = served.get("/socket.io/?EIO=4&transport=polling")[1]
    sid = json.loads(opened[1:])["sid"]
    client = served.open()
    poll = f"GET /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: a\r\n\r\n"
    client.sendall(poll.encode())
    wait_until(lambda: served.get("/polls")[1] == "1", message="the poll waits")
    served.process.send_signal(signal.SIGTERM)
    wait_gone(served.process.pid, timeout=12)  # of 29 s of patience
    client.close()


def test_idle_connections_do_not_hold_up_a_stop(start: Start) -> None:
    served = start("--keep-alive", "60")
    idle = [served.open() for _ in range(20)]
    for client in idle[:10]:
        client.sendall(b"GET /pid HTTP/1.1\r\nHost: a\r\n\r\n")
        client.recv(1000)
    began = time.monotonic()
    assert served.process.stop() == 0
    assert time.monotonic() - began < 3  # of the 60 s they may stay
    for client in idle:
        client.close()


def test_a_request_longer_than_the_patience_is_cut(start: Start) -> None:
    served = start("--graceful-timeout", "2")
    client = begin_slow_request(served, 60)
    assert served.process.stop() == 0
    served.said("stopping with 1 requests unanswered")
    assert "SIGKILL" not in served.output()
    assert answer(client) == b""


def test_a_second_signal_ends_the_patience(start: Start) -> None:
    served = start()
    client = begin_slow_request(served, 60)
    served.process.send_signal(signal.SIGTERM)
    served.said("Handling signal: term")
    served.process.send_signal(signal.SIGINT)
    wait_gone(served.process.pid, timeout=12)  # of 29 s of patience
    client.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_everything_quickly_and_quietly(start: Start, workers: int) -> None:
    served = start("--workers", str(workers))
    wait_until(lambda: served.output().count("notifier started") == workers)
    pids = [worker.pid for worker in served.workers()]
    websocket = served.websocket().connect()
    served.process.signal_group(signal.SIGINT)
    wait_gone(served.process.pid, *pids, timeout=12)  # of 29 s of patience
    websocket.close()
    assert served.process.returncode == 0
    assert "Traceback" not in served.output()
    assert "Exception" not in served.output()


def test_ctrl_c_during_the_start_is_quiet(start: Start) -> None:
    served = start(ready=False)
    served.said("Booting worker")
    served.process.signal_group(signal.SIGINT)
    wait_gone(served.process.pid, timeout=10)
    assert "Traceback" not in served.output()


def test_workers_end_when_the_arbiter_is_killed(start: Start) -> None:
    served = start("--workers", "2")
    pids = [worker.pid for worker in served.workers()]
    served.process.send_signal(signal.SIGKILL)
    wait_gone(*pids, timeout=12)
    assert served.output().count("the arbiter is gone") == 2


def test_a_killed_arbiter_frees_its_port(start: Start) -> None:
    served = start()
    served.process.send_signal(signal.SIGKILL)
    wait_until(lambda: not served.answers())
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wait_until(lambda: other.bind(("127.0.0.1", served.port)) is None)


def test_a_hangup_replaces_the_workers_and_answers_meanwhile(start: Start) -> None:
    served = start()
    old = served.get("/pid")[1]
    client = begin_slow_request(served, 1.0)
    served.process.send_signal(signal.SIGHUP)
    wait_until(lambda: served.get("/pid")[1] != old)
    assert answer(client).endswith(b"done")
    wait_gone(int(old))


def test_a_worker_that_blocks_is_replaced_and_says_where_it_was(start: Start) -> None:
    served = start("--timeout", "2")
    blocked = served.workers()[0].pid
    client = served.open()
    client.sendall(b"GET /block HTTP/1.1\r\nHost: a\r\n\r\n")
    wait_until(lambda: gone(blocked), timeout=15)
    assert "in block" in served.output()
    client.close()
