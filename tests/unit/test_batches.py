"""Who comes while a batch is carried out shares the next one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeout

from notifier import batches as module
from notifier.batches import Batches
from notifier.outages import OutcomeUnknown
from tests.support import wait_until


class Work:
    """Doubles numbers, a batch at a time, each when it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.ended: list[BaseException | None] = []
        self._go = threading.Semaphore(0)
        self.fails: Callable[[Sequence[int]], BaseException | None] = lambda _: None

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(sorted(items))
        assert self._go.acquire(timeout=10)
        error = self.fails(items)
        if error is not None:
            raise error
        return [2 * item for item in items]

    def let_go(self, batches: int = 1) -> None:
        self._go.release(batches)


class Crowd:
    """Callers in threads of their own."""

    def __init__(self, work: Work, most: int = 256) -> None:
        self.work = work
        self.batches = Batches(work, most)
        self._pool = ThreadPoolExecutor(16)

    def come(self, *items: int) -> list[Future[int]]:
        """Let a caller come with each of ``items``, and wait until all are in line."""
        found = [self._pool.submit(self.batches.submit, item) for item in items]
        waiting = self.batches._waiting
        wait_until(lambda: self.work.batches and {one.item for one in waiting} >= set(items))
        return found

    def first(self, item: int) -> Future[int]:
        """Let somebody come whose batch begins at once."""
        before = len(self.work.batches)
        found = self._pool.submit(self.batches.submit, item)
        wait_until(lambda: len(self.work.batches) > before)
        return found


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def crowd(work: Work) -> Crowd:
    return Crowd(work)


def test_a_lone_caller_waits_for_nobody(work: Work, crowd: Crowd) -> None:
    work.let_go()
    assert crowd.batches.submit(4) == 8
    assert work.batches == [[4]]


def test_who_comes_meanwhile_shares_the_next_batch(work: Work, crowd: Crowd) -> None:
    first = crowd.first(1)
    others = crowd.come(2, 3, 4)
    work.let_go(2)
    assert first.result(5) == 2
    assert [one.result(5) for one in others] == [4, 6, 8]
    assert work.batches == [[1], [2, 3, 4]]


def test_a_batch_has_a_largest_size(work: Work) -> None:
    crowd = Crowd(work, most=2)
    first, others = crowd.first(1), crowd.come(2, 3, 4)
    work.let_go(3)
    assert sorted(one.result(5) for one in [first, *others]) == [2, 4, 6, 8]
    assert [len(batch) for batch in work.batches] == [1, 2, 1]


def test_a_failure_is_everybodys_who_shared_it_and_nobody_elses(work: Work, crowd: Crowd) -> None:
    work.fails = lambda items: ValueError("no") if 2 in items else None
    first, shared = crowd.first(1), crowd.come(2, 3)
    work.let_go(2)
    assert first.result(5) == 2
    for one in shared:
        with pytest.raises(ValueError, match="no"):
            one.result(5)
    work.let_go()
    assert crowd.batches.submit(5) == 10


def test_who_has_waited_for_a_lost_database_does_not_ask_it_again(
    work: Work, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TOLD_WITH_THE_OTHERS", 0.2)
    work.fails = lambda _: PoolTimeout("gone")
    first, early = crowd.first(1), crowd.come(2)
    time.sleep(0.3)
    late = crowd.come(3)
    work.let_go()
    for one in (first, *early):
        with pytest.raises(PoolTimeout):
            one.result(5)
    work.fails = lambda _: None
    work.let_go()
    assert [one.result(5) for one in late] == [6]


def test_who_shared_with_a_caller_that_was_killed_learns_that_nobody_knows(
    work: Work, crowd: Crowd
) -> None:
    work.fails = lambda items: SystemExit() if 2 in items else None
    first, shared = crowd.first(1), crowd.come(2, 3)
    work.let_go(2)
    assert first.result(5) == 2
    errors = [one.exception(5) for one in shared]
    assert {type(error) for error in errors} <= {SystemExit, OutcomeUnknown}
    work.let_go()
    assert crowd.batches.submit(5) == 10


def test_a_caller_that_is_killed_in_its_sleep_leaves_the_turn_to_the_next(
    work: Work, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep = module._Ticket.sleep

    def killed(ticket: module._Ticket[int, int]) -> None:
        sleep(ticket)
        if ticket.item == 2:
            raise SystemExit

    monkeypatch.setattr(module._Ticket, "sleep", killed)
    first, victim = crowd.first(1), crowd.come(2)
    others = crowd.come(3, 4)
    work.let_go(2)
    assert first.result(5) == 2
    with pytest.raises(SystemExit):
        victim[0].result(5)
    assert [one.result(5) for one in others] == [6, 8]


def test_every_caller_is_served_exactly_once() -> None:
    batches: list[int] = []

    def square(items: Sequence[int]) -> list[int]:
        batches.append(len(items))
        time.sleep(0.001)
        return [item * item for item in items]

    shared = Batches(square, most=7)
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(shared.submit, range(2_000)))
    assert results == [number * number for number in range(2_000)]
    assert sum(batches) == 2_000
    assert max(batches) <= 7
