"""Who comes while a batch is carried out shares the next one."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from notifier import batches as module
from notifier.batches import Batches, NotShared
from notifier.outages import OutcomeUnknown
from tests.support import wait_until


class Work:
    """Doubles numbers, a batch at a time, each when it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
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

    def __init__(self, work: Work, most: int = 256, **options: Any) -> None:
        self.work = work
        self.batches = Batches(work, most, **options)
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


def killed_when(killed: threading.Event, sleep: Callable[..., bool], item: int) -> Any:
    """In place of `sleep`: the caller with `item` dies in it as soon as `killed` is set."""

    def sleeping(ticket: module._Ticket[int, int], timeout: float = -1) -> bool:
        while ticket.item == item and not sleep(ticket, 0.01):
            if killed.is_set():
                raise SystemExit
        return ticket.item == item or sleep(ticket, timeout)

    return sleeping


@pytest.fixture(autouse=True)
def _patient_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine, nobody goes on alone for want of a turn."""
    monkeypatch.setattr(module, "_LONGEST_WAIT", 60)


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


def test_who_waits_too_long_goes_on_alone(
    work: Work, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LONGEST_WAIT", 0.1)
    first = crowd.first(1)
    with pytest.raises(NotShared):
        crowd.batches.submit(2)
    work.let_go()
    assert first.result(5) == 2
    assert work.batches == [[1]]


def test_who_writes_while_he_carries_out_a_batch_does_it_alone() -> None:
    nested: list[type[BaseException] | None] = []

    def carry_out(items: Sequence[int]) -> Sequence[int]:
        try:
            batches.submit(0)
        except NotShared:
            nested.append(NotShared)
        return items

    batches: Batches[int, int] = Batches(carry_out)
    assert batches.submit(1) == 1
    assert nested == [NotShared]


@pytest.mark.parametrize(("uncertain", "told"), [(False, NotShared), (True, OutcomeUnknown)])
def test_who_shared_with_a_caller_that_was_killed_is_told_whether_it_may_have_been_done(
    work: Work, uncertain: bool, told: type[BaseException]
) -> None:
    crowd = Crowd(work, uncertain=lambda: uncertain)
    work.fails = lambda items: SystemExit() if 2 in items else None
    first, shared = crowd.first(1), crowd.come(2, 3)
    work.let_go(2)
    assert first.result(5) == 2
    errors = {type(one.exception(5)) for one in shared}
    assert errors == {SystemExit, told}
    work.let_go()
    assert crowd.batches.submit(5) == 10


def test_an_error_is_everybodys_own(work: Work, crowd: Crowd) -> None:
    work.fails = lambda items: ValueError("no") if 2 in items else None
    crowd.first(1)
    shared = crowd.come(2, 3)
    work.let_go(2)
    errors = [one.exception(5) for one in shared]
    assert errors[0] is not errors[1]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_in_the_middle_of_a_batch_can_write() -> None:
    inside, go_on = threading.Event(), threading.Event()

    def carry_out(items: Sequence[int]) -> Sequence[int]:
        inside.set()
        go_on.wait(10)
        return items

    batches: Batches[int, int] = Batches(carry_out)
    leader = threading.Thread(target=batches.submit, args=[1])
    leader.start()
    assert inside.wait(5)
    child = os.fork()
    if child == 0:
        go_on.set()
        os._exit(0 if batches.submit(2) == 2 else 1)
    go_on.set()
    leader.join(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_caller_that_is_killed_while_its_batch_is_under_way_makes_nobody_lead(
    work: Work, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = threading.Event()
    monkeypatch.setattr(module._Ticket, "sleep", killed_when(killed, module._Ticket.sleep, 3))
    first, victims = crowd.first(1), crowd.come(2, 3)
    work.let_go()
    wait_until(lambda: len(work.batches) == 2)
    killed.set()
    others = crowd.come(4)
    with pytest.raises(SystemExit):
        victims[1].result(5)
    assert work.batches == [[1], [2, 3]]
    work.let_go(2)
    assert [one.result(5) for one in (first, victims[0], *others)] == [2, 4, 8]


def test_a_caller_that_is_killed_in_its_sleep_leaves_the_turn_to_the_next(
    work: Work, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep = module._Ticket.sleep

    def killed(ticket: module._Ticket[int, int], timeout: float = -1) -> bool:
        woken = sleep(ticket, timeout)
        if ticket.item == 2:
            raise SystemExit
        return woken

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
