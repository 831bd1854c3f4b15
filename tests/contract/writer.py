"""A process that writes to the database in one of the ways the concurrency tests compare.

Prints the events of ``together`` as JSON lines.

``python -m tests.contract.writer URL HOW COUNT NUMBER SKEW``: COUNT writes by writer NUMBER, whose
clock is SKEW seconds off. Waits for a line on standard input before it begins.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy
from sqlalchemy import Engine, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from notifier import inbox
from notifier.database import create_engine
from notifier.models import notifications
from notifier.operations import Event, NewMessage, Operation, SetNotification
from notifier.publisher import MemoryPublisher
from notifier.staging import Staging
from notifier.stamps import Clock, system_clock
from notifier.store import Store

LONGEST_PAUSE = 0.004


def pause() -> None:
    time.sleep(random.uniform(0, LONGEST_PAUSE))


def primitive(engine: Engine, operations: list[Operation], clock: Clock) -> None:
    """Stamp under the inbox lock, then dawdle before the commit."""
    with engine.begin() as connection:
        inbox.write(connection, operations, clock)
        pause()


def staged(engine: Engine, operations: list[Operation], clock: Clock) -> None:
    """Join a session's transaction that dawdles before its commit."""
    with Session(engine) as session:
        Staging(MemoryPublisher(), clock).stage(session, operations)
        pause()
        session.commit()


def wall_clock(engine: Engine, operations: list[Operation], clock: Clock) -> None:
    """Stamp with the wall clock and no lock, as a naive design does: it skips rows."""
    [one] = operations
    assert isinstance(one, SetNotification)
    row = {"user_id": one.user, "name": one.name, "data": one.data}
    written = False
    while not written:
        # Two of them may read the same microsecond; then one has to try again.
        with contextlib.suppress(IntegrityError), engine.begin() as connection:
            connection.execute(insert(notifications), {**row, "stamp": clock()})
            pause()
            written = True


WAYS: dict[str, Callable[[Engine, list[Operation], Clock], None]] = {
    "primitive": primitive,
    "staged": staged,
    "wall_clock": wall_clock,
}


def together(engine: Engine, count: int, clock: Clock) -> None:
    """Send single messages to three users from several threads, which share their commits."""
    publisher = MemoryPublisher()
    events: list[Event] = []
    publisher.subscribe(events.extend)
    store = Store(engine, publisher, clock)
    with ThreadPoolExecutor(6) as pool:
        users = [f"user{random.randrange(3)}" for _ in range(count)]
        for done in [pool.submit(store.commit, [NewMessage(user, "hi")]) for user in users]:
            done.result()
    for one in events:
        sys.stdout.write(json.dumps([one.user, one.previous, one.stamp]) + "\n")


def one_name(number: int, n: int) -> list[Operation]:
    return [SetNotification("alice", f"n{number}.{n}", n)]


def random_sets(_number: int, _n: int) -> list[Operation]:
    """Twenty of forty users in any order; some of them have no inbox yet."""
    return [NewMessage(f"user{u}", "hi") for u in random.sample(range(40), 20)]


def main() -> None:
    url, how, count, number, skew = sys.argv[1:]
    # However busy the machine, nobody gives up.
    engine = create_engine(url, busy_timeout=60, pool_timeout=60, answer_timeout=60)
    how, _, variant = how.partition("+")
    if variant == "plain":
        engine = sqlalchemy.create_engine(url, connect_args={"timeout": 60})
    operations = random_sets if variant == "sets" else one_name
    engine.connect().close()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    off = round(float(skew) * 1e6)
    if how == "together":
        together(engine, int(count), lambda: system_clock() + off)
        return
    for n in range(int(count)):
        WAYS[how](engine, operations(int(number), n), lambda: system_clock() + off)


if __name__ == "__main__":
    main()
