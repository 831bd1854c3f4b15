"""Requests that take effect once, however often they are sent.

Beside what such a request wrote, and in the same transaction, stands a row with its answer. So
either both are there or neither is: whoever repeats it gets that answer, or is the first.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, select, text, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from . import inbox
from .database import reader
from .errors import InFlight, InvalidInput
from .models import idempotency
from .operations import Operation, Written
from .outages import is_lost_race
from .stamps import Clock, system_clock
from .store import Store

__all__ = [
    "KEPT_SECONDS",
    "LONGEST_WAIT",
    "Answer",
    "Idempotency",
    "Request",
    "fingerprint",
    "user_label",
]

log = logging.getLogger("notifier")

KEPT_SECONDS = 86_400
"""How long an answer is kept. An older one counts as gone, also before it is purged."""

LONGEST_WAIT = 3.0
"""Seconds for which a request waits for its twin in this process."""

# The same for a twin in another process, in milliseconds. It costs a connection, so it is shorter;
# and it is shorter than NOTIFIER_ANSWER_TIMEOUT, so that the reason is known.
_LOCK_TIMEOUT = text("SET LOCAL lock_timeout = 1000")

_PURGE_EVERY = 60.0
_PURGED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be done once: who asks, under which key, and a fingerprint of what."""

    caller: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request, and whether it is a repeated one."""

    status: int
    text: str
    replayed: bool = True


_ROW = (idempotency.c.fingerprint, idempotency.c.status, idempotency.c.answer)


class _Row(NamedTuple):
    fingerprint: str
    status: int
    answer: str


class _Flight:
    """A request that is being carried out in this process."""

    def __init__(self) -> None:
        self.landed = threading.Event()
        self.row: _Row | None = None


def user_label(user: str) -> str:
    """The ``caller`` of requests that a user makes; an API key has another (``ApiKey.label``)."""
    return f"user:{user}"


def fingerprint(path: str, content: Any) -> str:
    """Tells requests apart by where they go and by their JSON, however that is spelt."""
    spelt = json.dumps([path, content], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(spelt.encode()).hexdigest()


class Idempotency:
    """Carries out requests once, on the database of the store, which is asked for when needed."""

    def __init__(
        self,
        store: Callable[[], Store],
        clock: Clock = system_clock,
        longest_wait: float = LONGEST_WAIT,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._longest_wait = longest_wait
        self._now = now
        self._lock = threading.Lock()
        self._flights: dict[tuple[str, str], _Flight] = {}
        self._purge_at = 0.0

    def replay(self, request: Request) -> Answer | None:
        """The answer that this request got, or None if it was not carried out yet.

        Raises InvalidInput if its key stands for another request.
        """
        with reader(self._store().engine).connect() as connection:
            row = _find(connection, request, self._oldest())
        return None if row is None else _answered(request, row)

    def commit(
        self,
        request: Request,
        operations: Sequence[Operation],
        status: int,
        answer: Callable[[Written], str],
    ) -> Answer:
        """Write ``operations`` and what ``answer`` makes of it, or return what was answered before.

        Raises InvalidInput if the key stands for another request, InFlight if a twin is being
        carried out and takes too long, and whatever ``Store.commit`` raises: the same request may
        then be sent again, whether it was committed or not.
        """
        deadline = self._now() + self._longest_wait
        while True:
            flight, first = self._board(request)
            if first:
                break
            if not flight.landed.wait(max(0.0, deadline - self._now())):
                raise InFlight("a request with this Idempotency-Key is being carried out")
            if flight.row is not None:
                return _answered(request, flight.row)
        try:
            row, written = self._write(request, operations, status, answer)
            flight.row = row
        finally:
            self._land(request, flight)
        if written is None:
            return _answered(request, row)
        self._store().publisher.publish(written.events)
        self._purge()
        return Answer(row.status, row.answer, replayed=False)

    def _board(self, request: Request) -> tuple[_Flight, bool]:
        """The flight of this request, and whether it only begins now."""
        with self._lock:
            flight = self._flights.get((request.caller, request.key))
            if flight is not None:
                return flight, False
            flight = self._flights[request.caller, request.key] = _Flight()
            return flight, True

    def _land(self, request: Request, flight: _Flight) -> None:
        with self._lock:
            del self._flights[request.caller, request.key]
        flight.landed.set()

    def _write(
        self,
        request: Request,
        operations: Sequence[Operation],
        status: int,
        answer: Callable[[Written], str],
    ) -> tuple[_Row, Written | None]:
        """Write and return it with its row; without, if the row was there already."""
        with self._store().engine.begin() as connection:
            if not _claim(connection, request, self._clock(), self._oldest()):
                return _there(connection, request), None
            written = inbox.write(connection, operations, self._clock)
            row = _Row(request.fingerprint, status, answer(written))
            filled = update(idempotency).where(_is(request))
            connection.execute(filled.values(status=row.status, answer=row.answer))
        return row, written

    def _oldest(self) -> int:
        """The stamp before which an answer is too old by now."""
        return self._clock() - KEPT_SECONDS * 1_000_000

    def _purge(self) -> None:
        """Forget what is too old, now and then and some at a time, with the request that pays."""
        if self._now() < self._purge_at:
            return
        self._purge_at = self._now() + _PURGE_EVERY
        try:
            if self.purge() == _PURGED_AT_ONCE:
                self._purge_at = 0.0
        except SQLAlchemyError as error:
            log.warning(
                "Old answers to idempotent requests could not be deleted, which is tried again in "
                "%g s: %s",
                _PURGE_EVERY,
                error,
            )

    def purge(self) -> int:
        """Delete up to 500 answers that were kept long enough; how many."""
        too_old = idempotency.c.created < self._oldest()
        some = select(idempotency.c.caller, idempotency.c.key).where(too_old)
        some = some.order_by(idempotency.c.created).limit(_PURGED_AT_ONCE)
        doomed = tuple_(idempotency.c.caller, idempotency.c.key)
        with self._store().engine.begin() as connection:
            # What another worker deletes at the same time is left to it.
            found = some.with_for_update(skip_locked=True)
            return connection.execute(delete(idempotency).where(doomed.in_(found))).rowcount


def _is(request: Request) -> ColumnElement[bool]:
    return and_(idempotency.c.caller == request.caller, idempotency.c.key == request.key)


def _find(connection: Connection, request: Request, oldest: int) -> _Row | None:
    kept = and_(_is(request), idempotency.c.created >= oldest)
    found = connection.execute(select(*_ROW).where(kept)).first()
    return None if found is None else _Row(*found)


def _there(connection: Connection, request: Request) -> _Row:
    """The row that could not be claimed, which is locked since: no purge takes it away."""
    row = _Row(*connection.execute(select(*_ROW).where(_is(request))).one())
    if row.status is None:
        raise RuntimeError("the database's driver does not count rows: a request has no answer")
    return row


def _claim(connection: Connection, request: Request, now: int, oldest: int) -> bool:
    """Insert the row of a request, or take over one from before ``oldest``.

    False if a newer one is there, which is locked then. Waits for a twin's transaction.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    row = {
        "caller": request.caller,
        "key": request.key,
        "fingerprint": request.fingerprint,
        "created": now,
    }
    try:
        if dialect is postgresql:
            connection.execute(_LOCK_TIMEOUT)
        insert = dialect.insert(idempotency).values(row)
        claim = insert.on_conflict_do_update(
            index_elements=[idempotency.c.caller, idempotency.c.key],
            set_={"fingerprint": request.fingerprint, "created": now},
            where=idempotency.c.created < oldest,
        )
        # psycopg 3 forgets the number otherwise.
        claimed = connection.execute(claim.execution_options(preserve_rowcount=True))
    except DBAPIError as error:
        if is_lost_race(error):
            raise InFlight("a request with this Idempotency-Key is being carried out") from error
        raise
    return claimed.rowcount == 1


def _answered(request: Request, row: _Row) -> Answer:
    if row.fingerprint != request.fingerprint:
        raise InvalidInput("Idempotency-Key", "was used for another request; take a new one")
    return Answer(row.status, row.answer)
