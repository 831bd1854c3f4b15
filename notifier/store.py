"""What the notifier writes and reads in transactions of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Engine, select

from . import audit, inbox, messages
from .database import long_reader, patient, reader
from .models import inboxes, metadata
from .operations import Badge, Event, Operation, Written
from .outages import mark_lost_commits
from .publisher import Publisher
from .stamps import Clock, system_clock

__all__ = ["Store"]


class Store:
    """The core on one engine: every write is one transaction, then a publication."""

    def __init__(self, engine: Engine, publisher: Publisher, clock: Clock = system_clock) -> None:
        self.engine = engine
        self.publisher = publisher
        self._reader = reader(engine)
        self._clock = clock
        mark_lost_commits(engine)

    def create_tables(self) -> None:
        """Make the tables that are missing. Safe to repeat; run it from one process."""
        metadata.create_all(patient(self.engine))

    def commit(self, operations: Iterable[Operation]) -> Written:
        """Write ``operations``, commit, publish the events, and tell what was done.

        Raises OutcomeUnknown if the database was lost during the commit: nothing is published
        then, and if it did commit, the sweep announces it.
        """
        with self.engine.begin() as connection:
            written = inbox.write(connection, operations, self._clock)
        self.publisher.publish(written.events)
        return written

    def badge(self, user: str) -> Badge:
        """The user's counter and head, of one moment."""
        with self._reader.connect() as connection:
            return inbox.badge(connection, user)

    def heads(self, users: Sequence[str]) -> dict[str, int]:
        """The heads of those of ``users`` who have an inbox."""
        with self._reader.connect() as connection:
            return inbox.heads(connection, users)

    def since(self, user: str, stamp: int) -> list[Event]:
        """The user's notifications above ``stamp``, ascending; all, if ``stamp`` is no more."""
        with self._reader.connect() as connection:
            return inbox.since(connection, user, stamp)

    def list_messages(
        self, user: str, before: float | None = None, limit: int = 20
    ) -> list[messages.Message]:
        """A page of the user's messages, newest first. Raises InvalidInput."""
        with self._reader.connect() as connection:
            return messages.list_messages(connection, user, before, limit)

    def audit(self, repair: bool = False) -> list[audit.Finding]:
        """What is wrong in the database; with ``repair``, also set it right and publish that."""
        with long_reader(self.engine).connect() as connection:
            findings = audit.audit(connection)
        if repair and findings:
            with patient(self.engine).begin() as connection:
                written = audit.repair(connection, findings, self._clock)
            self.publisher.publish(written.events)
        return findings

    def ping(self) -> None:
        """Ask the database for a sign of life: our tables. Raises what the database raises."""
        with self._reader.connect() as connection:
            connection.execute(select(inboxes.c.user_id).limit(1)).first()
