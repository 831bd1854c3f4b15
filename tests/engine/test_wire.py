"""Sending to one client, on a pair of real sockets and threads."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from notifier.engine.threads import ThreadStream
from notifier.engine.wire import Sending, Wire
from tests.support import wait_until

Make = Callable[..., Wire]


def spawn(function: Callable[[], None]) -> None:
    threading.Thread(target=function, daemon=True).start()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def slow() -> list[str]:
    """Who was cut."""
    return []


@pytest.fixture
def make(pair: tuple[socket.socket, socket.socket], slow: list[str]) -> Iterator[Make]:
    wires: list[Wire] = []

    def make(**limits: float) -> Wire:
        options = {"patience": 30.0, **limits}
        sending = Sending(spawn, time.sleep, slow=lambda: slow.append("cut"), **options)  # type: ignore[arg-type]
        wires.append(Wire(ThreadStream(pair[0]), threading.Lock(), sending))
        return wires[-1]

    yield make
    for wire in wires:
        wire.end()


def fill(wire: Wire, held: int = 1) -> bytes:
    """Send numbered frames until `held` wait; all of them."""
    sent = bytearray()
    while wire.held < held:
        frame = b"%08d" % (len(sent) // 1000) * 125
        wire.send(frame)
        sent += frame
    return bytes(sent)


def read(theirs: socket.socket, size: int) -> bytes:
    with theirs.makefile("rb") as stream:
        return stream.read(size)


Pair = tuple[socket.socket, socket.socket]


def test_a_frame_is_with_the_kernel_when_send_returns(make: Make, pair: Pair) -> None:
    wire = make()
    wire.send(b"frame")
    assert wire.done
    assert pair[1].recv(100, socket.MSG_DONTWAIT) == b"frame"


def test_what_the_kernel_does_not_take_is_held_and_follows_in_order(make: Make, pair: Pair) -> None:
    wire = make()
    sent = fill(wire, held=100)
    assert read(pair[1], len(sent)) == sent
    wait_until(lambda: wire.done)


def test_one_packet_too_many_cuts_the_client(make: Make, pair: Pair, slow: list[str]) -> None:
    wire = make(packets=10)
    fill(wire, held=10)
    assert not slow
    wire.send(b"one more")
    assert (slow, wire.held) == (["cut"], 0)
    while pair[1].recv(65_536):
        pass


def test_too_many_bytes_cut_the_client(make: Make, slow: list[str]) -> None:
    wire = make(bytes=50_000)
    fill(wire)
    wire.send(b"x" * 40_000)
    assert not slow
    wire.send(b"x" * 20_000)
    assert slow == ["cut"]


def test_a_single_large_frame_is_no_reason_to_cut(make: Make, pair: Pair, slow: list[str]) -> None:
    wire = make(bytes=50_000)
    wire.send(b"x" * 5_000_000)
    assert len(read(pair[1], 5_000_000)) == 5_000_000
    assert not slow


def test_a_client_that_reads_is_not_cut_although_the_flusher_had_no_turn(
    pair: Pair, slow: list[str]
) -> None:
    never = Sending(lambda _: None, time.sleep, 30.0, lambda: slow.append("cut"), packets=10)
    wire = Wire(ThreadStream(pair[0]), threading.Lock(), never)
    sent = bytearray(fill(wire, held=10))
    got = bytearray(pair[1].recv(len(sent)))
    for _ in range(100):
        wire.send(b"x" * 1000)
        sent += b"x" * 1000
        got += pair[1].recv(1_000_000)
    assert not slow
    assert sent.startswith(got)


def test_a_client_that_takes_nothing_for_too_long_is_cut(make: Make, slow: list[str]) -> None:
    fill(make(patience=0.1))
    wait_until(lambda: slow == ["cut"])


def test_a_broken_connection_is_neither_raised_nor_called_slow(
    make: Make, pair: Pair, slow: list[str]
) -> None:
    wire = make()
    pair[1].close()
    for _ in range(3):
        wire.send(b"frame")
    assert (wire.done, slow) == (True, [])


def test_the_last_frame_comes_after_what_is_held_and_then_the_end(make: Make, pair: Pair) -> None:
    wire = make()
    sent = fill(wire, held=5)
    wire.finish(b"bye")
    wire.send(b"too late")
    assert read(pair[1], -1) == sent + b"bye"


def test_frames_of_many_threads_stay_whole(make: Make, pair: Pair) -> None:
    wire = make(packets=1_000_000, bytes=10**9)
    frames = [bytes([65 + of]) * 997 for of in range(8)]
    threads = [
        threading.Thread(target=lambda one=one: [wire.send(one) for _ in range(300)], daemon=True)
        for one in frames
    ]
    for thread in threads:
        thread.start()
    got = read(pair[1], 8 * 300 * 997)
    assert {got[i : i + 997] for i in range(0, len(got), 997)} == set(frames)
    for thread in threads:
        thread.join()
