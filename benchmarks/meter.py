"""CPU and memory of processes, from /proc."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

Processes = Callable[[], Sequence[psutil.Process]]


@dataclass
class Spent:
    """Seconds of CPU that some processes used while a block ran."""

    cpu: float = 0.0

    def micros_per(self, units: float) -> float:
        """Microseconds for each of ``units``; nan if nothing was done."""
        return self.cpu / units * 1e6 if units else float("nan")


@contextmanager
def spent(processes: Processes) -> Iterator[Spent]:
    """Measure a block. Processes that began meanwhile count from their beginning."""
    before = {one.pid: cpu_of(one) for one in processes()}
    measured = Spent()
    yield measured
    measured.cpu = sum(cpu_of(one) - before.get(one.pid, 0.0) for one in processes())


def cpu_of(process: psutil.Process) -> float:
    """Seconds of CPU of a process with all its threads, without its children; 0 if it is gone."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def memory_of(processes: Sequence[psutil.Process]) -> int:
    """Bytes of memory of the processes, what they share split between them (PSS)."""
    return sum(int(one.memory_full_info().pss) for one in processes)


def tree(pid: int) -> list[psutil.Process]:
    """A process and everything below it."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]
