"""The lean transport under bad clients: on each of its footings, with real sockets."""

from __future__ import annotations

import contextlib
import json
import socket
import threading

import pytest

from tests.engine.clients import PING, PONG, Crowd, connect, events, flood
from tests.engine.conftest import Certificate, Start
from tests.engine.served import Served
from tests.support import wait_until

QUICK = {"PING_INTERVAL": "0.5", "PING_TIMEOUT": "0.5"}
MEGABYTE = 1_000_000
RESET = b"\x01\0\0\0\0\0\0\0"


def crowd_of(served: Served, count: int) -> Crowd:
    return Crowd([connect(served)[0] for _ in range(count)])


def resident(served: Served) -> int:
    return int(served.workers()[0].memory_info().rss)


class Watch:
    """The most memory that the worker has while this is open, in bytes over the beginning."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._first = resident(served)
        self.growth = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(0.02):
            self.growth = max(self.growth, resident(self._served) - self._first)


def emit_50_000(served: Served) -> None:
    answer = served.get("/emit?count=50000&size=60&batch=100&rest_ms=5")
    assert answer == (200, "done")


def test_a_client_that_never_reads_costs_less_than_a_megabyte_and_the_others_nothing(
    lean: Start,
) -> None:
    served = lean()
    reader, _ = connect(served)
    numbers: list[int] = []
    reading = threading.Thread(
        target=lambda: numbers.extend(one["number"] for one in events(reader, 100_000)),
        daemon=True,
    )
    reading.start()
    emit_50_000(served)  # whatever that costs in itself is not the deaf client's
    deaf, _ = connect(served, receive_buffer=4096)
    with Watch(served) as watch:
        emit_50_000(served)
    reading.join(60)
    assert numbers == [*range(50_000)] * 2
    assert watch.growth <= MEGABYTE
    assert served.counts()["slow"] == 1
    wait_until(lambda: served.counts()["sockets"] == 1, message="the deaf client is gone")
    deaf.close()
    reader.close()


def test_a_client_that_pongs_and_never_reads_is_cut_within_the_ping_budget(lean: Start) -> None:
    served = lean(**QUICK)
    deaf, sid = connect(served, receive_buffer=4096)
    served.get(f"/fill?to={sid}&size=1000&held=5")
    assert served.counts()["sockets"] == 1
    stop = threading.Event()

    def pong() -> None:
        while not stop.wait(0.05):
            try:
                deaf.send(b"3")
            except OSError:
                return

    ponging = threading.Thread(target=pong, daemon=True)
    ponging.start()
    wait_until(lambda: served.counts()["sockets"] == 0, timeout=5)
    stop.set()
    ponging.join()
    deaf.close()


def test_a_client_that_vanished_without_a_word_is_ended_by_its_heartbeat(lean: Start) -> None:
    served = lean(**QUICK)
    silent, _ = connect(served)
    crowd = crowd_of(served, 3)
    wait_until(lambda: served.counts()["silent"] == 1, timeout=5)
    wait_until(lambda: served.counts()["sockets"] == 3)
    assert PING in silent.receive_all()
    wait_until(lambda: crowd.least_pings() >= 5)
    assert not crowd.lost
    silent.close()
    crowd.close()


@pytest.mark.parametrize("step", [3600, -3600])
def test_a_step_of_the_clock_by_an_hour_disturbs_nobody(lean: Start, step: int) -> None:
    served = lean(**QUICK)
    crowd = crowd_of(served, 20)
    before = float(served.get("/clock")[1])
    wait_until(lambda: crowd.least_pings() >= 1)
    after = float(served.get(f"/clock?offset={step}")[1])
    assert abs(after - before - step) < 600
    seen = crowd.least_pings()
    wait_until(lambda: crowd.least_pings() >= seen + 4)
    assert not crowd.lost
    assert served.counts()["sockets"] == 20
    crowd.close()


def test_a_half_open_client_is_reaped_although_the_clock_was_set_back(lean: Start) -> None:
    served = lean(**QUICK)
    silent, _ = connect(served)
    served.get("/clock?offset=-3600")
    wait_until(lambda: served.counts()["silent"] == 1, timeout=5)
    silent.close()


def test_the_handshake_names_the_heartbeat_in_milliseconds(lean: Start) -> None:
    websocket = lean(PING_INTERVAL="0.25", PING_TIMEOUT="0.75").websocket()
    opening = json.loads(websocket.receive()[1:])
    assert (opening["pingInterval"], opening["pingTimeout"]) == (250, 750)
    websocket.close()


def test_500_idle_sockets_live_through_their_heartbeats(lean: Start) -> None:
    served = lean("--worker-connections", "1000", PING_INTERVAL="0.5", PING_TIMEOUT="5")
    crowd = crowd_of(served, 500)
    seen = crowd.least_pings()
    wait_until(lambda: crowd.least_pings() >= seen + 3, timeout=30)
    assert not crowd.lost
    assert served.counts()["sockets"] == served.counts()["beating"] == 500
    crowd.close()
    wait_until(lambda: served.counts()["beating"] == 0, message="nothing is kept of them")


BAD = [b"9", b"nonsense", b"4", b"", b"\xff\xfe", b"b!!", b"451-[broken", b"4null", b"42", b"42{}"]
BAD += [b"42[1]", b"43", b"40[]", b"44{}", b"49", b"4" + b"[" * 5_000, b"0", b"45999-[]", b"2"]


@pytest.mark.parametrize("payload", BAD, ids=[one[:12].decode("latin-1") for one in BAD])
def test_a_bad_packet_ends_its_session_at_once(lean_server: Served, payload: bytes) -> None:
    others = lean_server.counts()["sockets"]
    websocket, _ = connect(lean_server)
    websocket.send(payload)
    assert websocket.receive_all()[:1] == b"\x88"
    wait_until(lambda: lean_server.counts()["sockets"] <= others)
    assert "Traceback" not in lean_server.output()
    websocket.close()


def test_a_frame_over_the_limit_ends_its_session_at_once(lean_server: Served) -> None:
    others = lean_server.counts()["sockets"]
    websocket, _ = connect(lean_server)
    websocket.connection.sendall(b"\x81\xff" + (1 << 40).to_bytes(8, "big"))
    assert websocket.receive() == (1009).to_bytes(2, "big")
    wait_until(lambda: lean_server.counts()["sockets"] <= others)
    websocket.close()


def test_what_a_slow_reader_is_held_arrives_in_order(lean: Start) -> None:
    served = lean()
    slow, sid = connect(served, receive_buffer=4096)
    count = int(served.get(f"/fill?to={sid}&size=1000&held=200")[1])
    assert count > 200
    assert [one["number"] for one in events(slow, count)] == list(range(count))
    served.get(f"/emit?to={sid}&count=1")
    assert next(events(slow, 1))["number"] == 0
    slow.close()


def test_over_tls_what_a_slow_reader_is_held_arrives_in_order(
    start: Start, certificate: Certificate
) -> None:
    served = start(*certificate.options, ready=False)
    served.wrap = certificate.wrap
    served.wait_ready()
    slow, sid = connect(served, receive_buffer=4096)
    count = int(served.get(f"/fill?to={sid}&size=1000&held=200")[1])
    assert [one["number"] for one in events(slow, count)] == list(range(count))
    slow.close()


def test_one_event_of_several_hundred_kilobytes_arrives_whole(lean: Start) -> None:
    served = lean()
    slow, sid = connect(served, receive_buffer=4096)
    for size in (3_000_000, 300_000, 70_000):
        served.get(f"/emit?to={sid}&count=1&size={size}")
        assert next(events(slow, 1))["filling"] == "x" * size
    slow.close()


def test_frames_of_emitters_at_work_together_never_mix(lean: Start) -> None:
    served = lean()
    reader, sid = connect(served, receive_buffer=4096)
    storm = f"/storm?to={sid}&emitters=8&count=200&size=5000&held=20"
    answering = threading.Thread(target=served.get, args=(storm,), daemon=True)
    answering.start()
    numbers: dict[int, list[int]] = {}
    for one in events(reader, 8 * 200):
        assert len(one["filling"]) == 5000
        numbers.setdefault(one["of"], []).append(one["number"])
    assert list(numbers.values()) == [list(range(200))] * 8
    answering.join()
    reader.close()


@pytest.mark.parametrize("frame", [PONG, b"\x89\x80\0\0\0\0", b"\x01\x80\0\0\0\0"])
def test_a_client_that_sends_without_a_pause_keeps_nobody_from_their_turn(
    start: Start, frame: bytes
) -> None:
    served = start(**QUICK)
    crowd = crowd_of(served, 3)
    stop = threading.Event()
    flooding, _ = connect(served)
    thread = threading.Thread(target=flood, args=(flooding.connection, frame, stop), daemon=True)
    thread.start()
    seen = crowd.least_pings()
    wait_until(lambda: crowd.least_pings() >= seen + 3)
    assert served.get("/pid")[0] == 200
    assert not crowd.lost
    stop.set()
    with contextlib.suppress(OSError):  # it may have been cut
        flooding.connection.shutdown(socket.SHUT_RDWR)
    thread.join()
    flooding.close()
    crowd.close()


def test_an_emit_to_a_client_that_just_reset_is_neither_an_error_nor_a_traceback(
    lean: Start,
) -> None:
    served = lean()
    others = crowd_of(served, 2)
    for _ in range(20):
        leaving, _ = connect(served)
        leaving.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        leaving.close()
        assert served.get("/emit?count=20") == (200, "done")
    wait_until(lambda: served.counts()["sockets"] == 2)
    assert "Traceback" not in served.output()
    others.close()


def test_a_stop_flushes_what_is_held_and_closes_the_transport(start: Start) -> None:
    served = start(CLOSE_TRANSPORT="1")
    slow, sid = connect(served, receive_buffer=4096)
    count = int(served.get(f"/fill?to={sid}&size=1000&held=100")[1])
    served.process.send_signal(15)
    assert [one["number"] for one in events(slow, count)] == list(range(count))
    assert slow.receive() == b"41"
    assert slow.receive() == b"1"  # Engine.IO's CLOSE
    assert slow.receive() == (1000).to_bytes(2, "big")
    assert slow.receive_all() == b""
    slow.close()
