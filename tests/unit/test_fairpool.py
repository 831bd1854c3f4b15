"""The pool serves whoever waits longest, and keeps count of its places."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from notifier.fairpool import FairQueuePool, Turns
from tests.support import wait_until


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[FairQueuePool]:
    pool = FairQueuePool(
        lambda: sqlite3.connect(tmp_path / "pool.db", check_same_thread=False),
        pool_size=2,
        timeout=0.05,
    )
    yield pool
    pool.dispose()


def test_connections_are_used_again(pool: FairQueuePool) -> None:
    for _ in range(10):
        held = [pool.connect() for _ in range(2)]
        for one in held:
            one.close()
    assert pool.checkedin() == 2


def test_a_pool_without_a_free_connection_says_so_in_time(pool: FairQueuePool) -> None:
    held = [pool.connect() for _ in range(2)]
    with pytest.raises(PoolTimeout, match="all 2 database connections were busy"):
        pool.connect()
    for one in held:
        one.close()
    pool.connect().close()


def test_a_connection_that_cannot_be_made_takes_no_place() -> None:
    def fail() -> sqlite3.Connection:
        raise OSError("no server")

    pool = FairQueuePool(fail, pool_size=1, timeout=0.01)
    for _ in range(5):
        with pytest.raises(OSError, match="no server"):
            pool.connect()


@pytest.mark.parametrize("served", [False, True], ids=["waiting", "just served"])
def test_a_caller_that_is_killed_in_the_line_keeps_no_place(
    monkeypatch: pytest.MonkeyPatch, served: bool
) -> None:
    turns = Turns(1)
    assert turns.take(0)

    def killed(turn: threading.Event, timeout: float) -> bool:
        if served:
            turns.give()
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(threading.Event, "wait", killed)
        with pytest.raises(SystemExit):
            turns.take(1)
    if not served:
        turns.give()
    assert turns.take(0)


def test_an_invalidated_connection_gives_its_place_back(pool: FairQueuePool) -> None:
    for _ in range(5):
        connection = pool.connect()
        connection.invalidate()
        connection.close()
    held = [pool.connect() for _ in range(2)]
    for one in held:
        one.close()


def test_places_are_handed_on_in_the_order_of_waiting() -> None:
    turns, served = Turns(1), list[int]()
    assert turns.take(1)

    def wait(number: int) -> None:
        assert turns.take(5)
        served.append(number)
        turns.give()

    threads = [threading.Thread(target=wait, args=(n,)) for n in range(20)]
    for n, thread in enumerate(threads, start=1):
        thread.start()
        wait_until(lambda n=n: len(turns._line) == n)
    turns.give()
    for thread in threads:
        thread.join()
    assert served == list(range(20))


def test_whoever_gives_up_leaves_the_line() -> None:
    turns = Turns(1)
    assert turns.take(0)
    assert not turns.take(0.01)
    turns.give()
    assert turns.take(0)


def test_nobody_starves_while_others_come_back_again_and_again() -> None:
    turns, done = Turns(2), list[int]()
    until = time.monotonic() + 1.0

    def work(number: int) -> None:
        while time.monotonic() < until:
            assert turns.take(5), "starved"
            time.sleep(0.001)
            turns.give()
            done.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = [done.count(n) for n in range(10)]
    assert min(counts) > 0.5 * max(counts)


def test_a_pause_gives_out_nothing_and_waits_for_all_places() -> None:
    turns = Turns(2)
    assert turns.take(0)
    assert not turns.pause(0.01)
    assert not turns.take(0.01)
    turns.give()
    assert turns.pause(0)


def test_those_in_line_are_served_when_every_pause_is_over() -> None:
    turns, served = Turns(1), list[bool]()
    assert turns.pause(0)
    assert turns.pause(0)
    waiting = threading.Thread(target=lambda: served.append(turns.take(30)))
    waiting.start()
    wait_until(lambda: len(turns._line) == 1, message="somebody is in the line")
    turns.resume()
    assert len(turns._line) == 1
    turns.resume()
    waiting.join(30)
    assert served == [True]
