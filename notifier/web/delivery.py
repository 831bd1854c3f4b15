"""From committed events to Socket.IO rooms of this worker: pushes, heads, and the sweep."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import socketio
from sqlalchemy.exc import SQLAlchemyError

from ..chunks import chunks
from ..operations import Event
from ..stamps import to_seconds
from .presence import Presence

__all__ = ["Delivery", "Sweep", "room"]

log = logging.getLogger("notifier.web")

# Workers that started together should not ask the database together.
_JITTER = 0.2
_STAGGER_SECONDS = 0.1

# What Python 3.12 says to whoever needs a thread while the process ends; it has no name for that.
_AT_THE_END = "interpreter shutdown"

# Users in one statement. More cost less, but hold up everybody else: see benchmarks/sweep.py.
_AT_ONCE = 1_000


def room(user: str) -> str:
    """The room of a user's sockets. Only the server picks it."""
    return f"user:{user}"


class Delivery:
    """Emits to the sockets of this worker, and to no others."""

    def __init__(self, server: socketio.Server, namespace: str, presence: Presence) -> None:
        self._server = server
        self._namespace = namespace
        self._presence = presence
        self.emitted = 0
        self.observe: Callable[[Event], None] = lambda _event: None

    def push(self, events: Sequence[Event]) -> None:
        """Emit each event to its user's room, if anybody is in it."""
        for event in events:
            if self._presence.has(event.user):
                self._emit(event.name, event.pushed(), room(event.user))
                self._presence.tell(event.user, event.stamp)
                self.emitted += 1
                self.observe(event)

    def head(self, user: str, stamp: int) -> None:
        """Tell the user's whole room where the head is."""
        self._emit("head", {"timestamp": to_seconds(stamp)}, room(user))
        self._presence.tell(user, stamp)

    def head_to(self, sid: str, stamp: int) -> None:
        """Tell one socket where its user's head is."""
        self._emit("head", {"timestamp": to_seconds(stamp)}, sid)
        self._presence.tell_one(sid, stamp)

    def _emit(self, name: str, data: dict[str, Any], to: str) -> None:
        # The plain manager's emit, on purpose: a manager with a message queue would send to
        # every worker what each of them already received.
        socketio.Manager.emit(self._server.manager, name, data, self._namespace, room=to)


class Sweep:
    """Announces heads that nobody announced: the one cure for every loss that nobody sees.

    Every ``interval`` seconds, and at once when asked, it reads the clocks of the local users,
    a thousand in a statement, and emits ``head`` where a clock is above what was emitted last. The
    ``housekeeping`` of the process shares its rhythm; ``failed`` is told why the database could
    not be read.
    """

    def __init__(
        self,
        presence: Presence,
        delivery: Delivery,
        heads: Callable[[Sequence[str]], dict[str, int]],
        interval: float,
        housekeeping: Callable[[], None] = lambda: None,
        failed: Callable[[SQLAlchemyError], None] = lambda _error: None,
    ) -> None:
        self._presence = presence
        self._delivery = delivery
        self._heads = heads
        self._interval = interval
        self._housekeeping = housekeeping
        self._failed = failed
        self._wake = threading.Event()
        self._stopped = False
        self._asked: set[str] = set()
        self._everyone = False
        self._thread: threading.Thread | None = None
        self.healed = 0

    def start(self) -> None:
        """Begin to sweep, in the background. Repeats are harmless."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)
            self._thread.start()

    def request(self, users: Sequence[str] | None = None) -> None:
        """Sweep now: some users, or everyone."""
        if users is None:
            self._everyone = True
        else:
            self._asked.update(user for user in users if self._presence.has(user))
        if self._everyone or self._asked:
            self._wake.set()

    def stop(self, timeout: float) -> None:
        """End the background work."""
        self._stopped = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def once(self, users: Sequence[str] | None = None) -> int:
        """Sweep some users, or everyone; how many had a head that was not announced."""
        found = 0
        everyone = self._presence.users() if users is None else users
        for some in chunks(everyone, _AT_ONCE):
            heads = self._heads(some)
            for user in some:
                stamp = heads.get(user, 0)
                if stamp > self._presence.told(user):
                    self._delivery.head(user, stamp)
                    found += stamp > 0
            # Others have waited for the rows to be read.
            time.sleep(0)
        self.healed += found
        return found

    def _run(self) -> None:
        while not self._stopped:
            regular = not self._wake.wait(self._pause())
            self._wake.clear()
            everyone, self._everyone = regular or self._everyone, False
            asked, self._asked = self._asked, set()
            if everyone and not regular:
                # All workers were told the same in the same moment.
                time.sleep(random.uniform(0, _STAGGER_SECONDS))
            if not self._stopped:
                self._try(None if everyone else sorted(asked))

    def _pause(self) -> float:
        return self._interval * random.uniform(1 - _JITTER, 1 + _JITTER)

    def _try(self, users: Sequence[str] | None) -> None:
        try:
            self._housekeeping()
            self.once(users)
        except SQLAlchemyError as error:
            self._failed(error)
        except Exception as error:
            if _AT_THE_END in str(error):
                self._stopped = True
                return
            log.exception("The sweep failed in an unexpected way, trying again")
