"""Connections that leak are given back by the garbage collector, whatever runs just then."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator

import pytest

from notifier.fairpool import Turns
from notifier.watch import Watch

# Allocations until the collector comes, one after the other: it meets every line.
STEPS = range(60)


class Leaked:
    """A ring of references that does something when it is collected."""

    def __init__(self, last: Callable[[], object]) -> None:
        self.ring = self
        self.last = last

    def __del__(self) -> None:
        self.last()


class Connection:
    """What the watch knows of one."""

    patient = False


@pytest.fixture
def collecting() -> Iterator[Callable[[int], None]]:
    """A function: let the collector come after so many more allocations."""
    before = gc.get_threshold()

    def soon(step: int) -> None:
        gc.set_threshold(gc.get_count()[0] + step, 1000, 1000)
        gc.enable()

    gc.disable()
    # What other tests have left is looked at by none of the collections.
    gc.freeze()
    yield soon
    gc.unfreeze()
    gc.set_threshold(*before)
    gc.enable()


def ends(work: Callable[[], object]) -> bool:
    """Whether it ends at all; what hangs is left behind."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    return not thread.is_alive()


def test_a_place_comes_back_while_another_is_asked_for(
    collecting: Callable[[int], None],
) -> None:
    def work() -> None:
        for step in STEPS:
            turns = Turns(1)
            turns.take(0)
            Leaked(turns.give)
            collecting(step)
            first = turns.take(0.001)
            gc.disable()
            gc.collect()
            taken.append(first + turns.take(0))

    taken: list[int] = []
    assert ends(work)
    assert taken == [1] * len(STEPS)


def test_a_leaked_connection_is_rolled_back_while_the_watch_looks(
    collecting: Callable[[int], None],
) -> None:
    watch = Watch(60, 1)
    connections = [Connection() for _ in range(3)]

    def roll_back() -> None:
        watch.begin(connections[0])
        watch.end(connections[0])

    def work() -> None:
        watch.begin(connections[1])
        for step in STEPS:
            Leaked(roll_back)
            collecting(step)
            watch.check()
            watch.begin(connections[2])
            watch.end(connections[2])
            gc.disable()
            gc.collect()

    watch._running = True  # its own thread is not needed here
    assert ends(work)
