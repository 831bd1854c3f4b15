"""What the worker does with requests and sockets while it runs."""

from __future__ import annotations

import resource
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import Certificate, Start
from tests.engine.served import Served, WebSocket
from tests.support import wait_until


def test_the_app_runs_on_eventlet(served: Served) -> None:
    assert served.get("/mode") == (200, "eventlet")


def test_the_notifier_has_started_before_the_first_answer(served: Served) -> None:
    assert served.first_log.index("notifier started")


def test_a_websocket_connects_and_no_compression_is_agreed_on(served: Served) -> None:
    websocket = served.websocket(Sec_WebSocket_Extensions="permessage-deflate")
    websocket.connect()
    assert "sec-websocket-extensions" not in websocket.headers
    websocket.close()


def test_eventlet_would_compress_if_it_were_offered() -> None:
    from eventlet.websocket import WebSocketWSGI

    offer = WebSocketWSGI(None)._parse_extension_header("permessage-deflate")
    assert WebSocketWSGI(None)._negotiate_permessage_deflate(offer) is not None


def test_requests_are_answered_while_another_one_waits(served: Served) -> None:
    waiting = served.open()
    waiting.sendall(b"GET /slow?seconds=3 HTTP/1.1\r\nHost: a\r\n\r\n")
    served.said("slow begun")
    assert served.get("/pid")[0] == 200
    assert "slow answered" not in served.output()
    waiting.close()


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_one_worker_answers_1100_sockets_that_stay_open(served: Served, many_files: None) -> None:
    websockets = [served.websocket() for _ in range(1_100)]
    assert {one.status for one in websockets} == {101}
    assert all(one.receive().startswith(b"0{") for one in websockets)
    assert served.get("/pid")[0] == 200
    for one in websockets:
        one.close()


@pytest.mark.parametrize("payload", [b"9nonsense", b"4", b"", b"\xff\xfe", b"b!!", b"451-[broken"])
def test_a_malformed_packet_is_not_answered_with_a_traceback(
    served: Served, payload: bytes
) -> None:
    websocket = served.websocket().connect()
    websocket.send(payload)
    websocket.connection.shutdown(socket.SHUT_WR)
    answer = websocket.receive_all()
    assert b"HTTP/1.1" not in answer
    assert b"Traceback" not in answer
    assert b".py" not in answer
    websocket.close()


def test_a_malformed_packet_is_one_line_in_the_log(start: Start, transport: str) -> None:
    served = start(TRANSPORT=transport)
    websocket = served.websocket().connect()
    websocket.send(b"nonsense")
    websocket.receive_all()
    websocket.close()
    served.said("the WebSocket of 127.0.0.1 ended")
    assert "Traceback" not in served.output()


def test_a_frame_against_the_protocol_is_answered_with_a_close_frame(served: Served) -> None:
    websocket = served.websocket().connect()
    websocket.connection.sendall(b"\xff\xff\xff\xff")
    assert websocket.receive()[:2] == (1002).to_bytes(2, "big")
    websocket.close()


def test_an_exception_in_the_app_is_logged_and_not_sent(served: Served) -> None:
    assert served.get("/broken") == (500, "")
    assert "RuntimeError: broken on purpose" in served.output()


def test_a_client_that_leaves_during_its_answer_leaves_no_traceback(start: Start) -> None:
    served = start("--log-level", "debug")
    for _ in range(3):
        client = served.open()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        client.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        client.recv(100)
        client.close()
    served.said("a client left while being answered")
    assert "Traceback" not in served.output()


def test_a_query_of_10000_characters_reaches_the_app(served: Served) -> None:
    assert served.get("/pid?since=" + "9" * 10_000)[0] == 200


def test_a_bad_request_is_refused_without_a_word_about_the_server(served: Served) -> None:
    client = served.open()
    client.sendall(b"nonsense\r\n\r\n")
    answer = client.makefile("rb").read()
    assert b"400" in answer
    assert b"Python" not in answer
    client.close()


def test_a_websocket_outlives_the_timeout_of_requests(
    start: Start, transport: str, tmp_path: Path
) -> None:
    served = start(SOCKET_TIMEOUT="0.3", TRANSPORT=transport)
    slow = served.open()
    slow.sendall(b"POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
    websocket = served.websocket().connect()
    assert slow.recv(9) in {b"", b"HTTP/1.1 "}  # the request has timed out
    websocket.send(b"3")
    websocket.connection.settimeout(0.5)
    with pytest.raises(TimeoutError):
        websocket.receive()
    websocket.close()
    slow.close()


def test_no_request_log_unless_asked_for(served: Served, start: Start) -> None:
    quiet, logging = served, start("--access-logfile", "-")
    for one in (quiet, logging):
        one.get("/pid?a=%1b[31m")
    logging.said('"GET /pid?a=%1b[31m HTTP/1.1" 200')
    assert "GET /pid" not in quiet.output()


def test_a_full_worker_takes_the_next_client_when_one_leaves(start: Start) -> None:
    served = start("--worker-connections", "2")
    wait_until(lambda: served.get("/pid")[0] == 200)
    first, second = served.websocket(), served.websocket()
    third = served.open()
    third.sendall(b"GET /pid HTTP/1.1\r\nHost: a\r\n\r\n")
    served.said("all 2 connections of this worker are taken")
    first.close()
    assert third.recv(12) == b"HTTP/1.1 200"
    third.close()
    second.close()


def test_a_worker_out_of_descriptors_recovers(start: Start) -> None:
    served = start("--worker-connections", "400")
    (worker,) = served.workers()
    worker.rlimit(resource.RLIMIT_NOFILE, (worker.num_fds() + 5, 4096))
    held = [served.open() for _ in range(12)]
    served.said("cannot accept clients")
    for one in held:
        one.close()
    assert served.get("/pid")[0] == 200
    assert "Traceback" not in served.output()


def test_two_workers_share_the_sockets(start: Start) -> None:
    served = start("--workers", "2")
    wait_until(lambda: served.output().count("notifier started") == 2)
    answered = Counter(served.get("/pid")[1] for _ in range(200))
    assert min(answered[str(worker.pid)] for worker in served.workers()) >= 50


def test_a_unix_socket_serves_several_connections_at_once(
    start: Start, transport: str, tmp_path: Path
) -> None:
    path = tmp_path / "http.sock"
    start("-b", f"unix:{path}", "-b", "127.0.0.1:0", ready=False, TRANSPORT=transport)
    wait_until(path.exists)
    websockets = []
    for _ in range(3):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(path))
        websockets.append(WebSocket(connection).connect())
    for one in websockets:
        one.close()


def test_tls_serves_https_and_websockets(
    start: Start, transport: str, certificate: Certificate
) -> None:
    served = start(*certificate.options, ready=False, TRANSPORT=transport)
    served.wrap = certificate.wrap
    served.wait_ready()
    served.websocket(Host="localhost", Origin="https://localhost").connect().close()


def test_a_worker_makes_room_for_a_new_one_after_max_requests(start: Start) -> None:
    served = start("--max-requests", "5")
    first = served.get("/pid")[1]
    wait_until(lambda: served.get("/pid")[1] != first, message="another worker answers")


def test_sigusr1_reopens_the_log(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    served = start("--access-logfile", str(log))
    log.rename(tmp_path / "rotated.log")
    served.process.send_signal(signal.SIGUSR1)
    wait_until(log.exists)
    wait_until(lambda: served.get("/pid")[0] == 200 and "GET /pid" in log.read_text())
