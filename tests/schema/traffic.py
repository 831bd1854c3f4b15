"""A process that sends, reads and tells at random until it is told to stop.

``python -m tests.schema.traffic URL``: prints ``ready``, begins at a line on standard input,
ends at the next one, and prints how much it wrote.
"""

from __future__ import annotations

import random
import sys
import threading

from sqlalchemy.orm import Session

from notifier.database import create_engine
from notifier.operations import MarkRead, NewMessage, Operation, SetNotification
from notifier.publisher import MemoryPublisher
from notifier.staging import Staging
from notifier.stamps import LATEST
from notifier.store import Store

USERS = [f"user{number}" for number in range(12)]
# Each has an empty inbox most of the time.
GUESTS = [f"guest{number}" for number in range(30)]


def operations() -> list[Operation]:
    some = random.sample(USERS, random.randint(1, 6))
    kind = random.random()
    if kind < 0.6:
        return [NewMessage(user, "hi", random.choice(USERS)) for user in some]
    if kind < 0.8:
        return [MarkRead(user, up_to=LATEST) for user in some]
    return [
        SetNotification(user, f"order:{random.randint(1, 3)}", random.random()) for user in some
    ]


def main() -> None:
    engine = create_engine(sys.argv[1], busy_timeout=30, answer_timeout=30)
    store = Store(engine, MemoryPublisher())
    staging = Staging(MemoryPublisher())
    store.ping()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    stopped = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), stopped.set()), daemon=True).start()
    written = 0
    while not stopped.is_set():
        guest = random.choice(GUESTS)
        store.commit([NewMessage(guest, "hi")])
        store.commit([MarkRead(guest, up_to=LATEST)])
        if random.random() < 0.5:
            store.commit(operations())
        else:
            with Session(engine) as session:
                staging.stage(session, operations())
                session.commit()
        written += 1
    sys.stdout.write(f"{written}\n")


if __name__ == "__main__":
    main()
