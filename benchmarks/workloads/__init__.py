"""The workloads, by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.bench import Bench
from benchmarks.figures import Result
from benchmarks.workloads import bulk, durable, growth, idle, polls, push, room, storm

WORKLOADS: dict[str, Callable[[Bench], Result]] = {
    "durable": durable.run,
    "bulk": bulk.run,
    "push": push.run,
    "room": room.run,
    "idle": idle.run,
    "polls": polls.run,
    "storm": storm.run,
    "growth": growth.run,
}
