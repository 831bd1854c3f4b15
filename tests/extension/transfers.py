"""Host processes that lock rows of its own around what it sends, in one of the ways compared.

``python -m tests.extension.transfers URL HOW COUNT PROCESSES`` makes COUNT transactions in each of
the processes and prints how they ended as JSON.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from notifier import Notifier

USERS = [f"user{n}" for n in range(12)]
ACCOUNTS = 20
DEADLOCK = "40P01"
# The server looks for deadlocks only after a wait of this long; by default that is a second.
SOON = {"options": "-c deadlock_timeout=20ms"}


def lock_accounts(session: Session, first: int, chance: random.Random) -> None:
    """Change some of ten rows, in the order of their ids, as a careful host does."""
    change = text("UPDATE accounts SET balance = balance + 1 WHERE id = :id")
    for id in sorted(chance.sample(range(first, first + 10), 3)):
        session.execute(change, {"id": id})


def some(chance: random.Random) -> list[str]:
    return chance.sample(USERS, chance.randint(1, 8))


def joined(notifier: Notifier, session: Session, chance: random.Random) -> None:
    """Several calls for users in any order, between locks of the host's own rows."""
    lock_accounts(session, 0, chance)
    notifier.send(some(chance), "hi", sender="shop")
    notifier.notify(some(chance), f"n{chance.randint(0, 3)}", chance.random())
    with session.begin_nested() as savepoint:
        notifier.send(some(chance), "in a savepoint")
        if chance.random() < 0.3:
            savepoint.rollback()
    notifier.mark_read(chance.choice(USERS), up_to=2_000_000_000.0)
    session.flush()
    lock_accounts(session, 10, chance)
    notifier.send(some(chance), "at last")
    session.rollback() if chance.random() < 0.1 else session.commit()


def own(notifier: Notifier, _session: Session, chance: random.Random) -> None:
    """Transactions of the notifier's own, which come in between."""
    if chance.random() < 0.2:
        notifier.broadcast(some(chance), "to all")
    with notifier.transaction():
        notifier.send(some(chance), "hi")
        notifier.notify(some(chance), "n0", chance.random())


def careless(_notifier: Notifier, session: Session, chance: random.Random) -> None:
    """What happens where inboxes are locked in the order given."""
    change = text("UPDATE inboxes SET clock = clock + 1 WHERE user_id = :user")
    for user in some(chance):
        session.execute(change, {"user": user})
    session.commit()


Way = Callable[[Notifier, Session, random.Random], None]
WAYS: dict[str, list[Way]] = {"ours": [joined, joined, own], "careless": [careless]}


def run(url: str, how: str, count: int, seed: int, together: Any, ends: Any) -> None:
    """One of the processes, which begin together."""
    chance = random.Random(seed)
    session = scoped_session(sessionmaker(create_engine(url, connect_args=SOON)))
    notifier = Notifier.from_url(url, session=session)
    found: Counter[str] = Counter()
    together.wait(30)
    for _ in range(count):
        try:
            chance.choice(WAYS[how])(notifier, session(), chance)
            found["done"] += 1
        except DBAPIError as error:
            session.rollback()
            found["deadlock" if getattr(error.orig, "pgcode", "") == DEADLOCK else str(error)] += 1
    ends.put(found)


def main() -> None:
    url, how, count, processes = sys.argv[1:]
    # Forked, so that what takes longest, the imports, is done once.
    context = multiprocessing.get_context("fork")
    together, ends = context.Barrier(int(processes)), context.Queue()
    running = [
        context.Process(target=run, args=(url, how, int(count), seed, together, ends), daemon=True)
        for seed in range(int(processes))
    ]
    for process in running:
        process.start()
    total: Counter[str] = Counter()
    for _process in running:
        total.update(ends.get(timeout=60))
    for process in running:
        process.join(10)
    sys.stdout.write(json.dumps(total))


if __name__ == "__main__":
    main()
