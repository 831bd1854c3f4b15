"""What the notifier writes and reads in transactions of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Engine, MetaData, select

from . import audit, inbox, messages, schema, sending
from .batches import Batches, NotShared
from .database import at_once, long_reader, patient, reader
from .models import inboxes
from .operations import (
    Badge,
    Event,
    NewMessage,
    Operation,
    SetNotification,
    StoredMessage,
    Written,
)
from .outages import is_lost_race, is_outage, mark_lost_commits
from .publisher import Publisher
from .schema import Upgrade
from .stamps import Clock, system_clock

__all__ = ["Store"]

# Operations of one caller that may share a transaction with those of others; who has more to write
# would only keep them waiting.
_LARGEST_SHARED = 50
# To mark read is to visit every message there is, so it is not shared.
_SHARED = (NewMessage, SetNotification)

_Shares = tuple[Sequence[Event], Sequence[Written | None]]


class Store:
    """The core on one engine: every write is one transaction, then a publication.

    Small writes that come at the same time share one, and polls share their reads.
    """

    def __init__(self, engine: Engine, publisher: Publisher, clock: Clock = system_clock) -> None:
        self.engine = engine
        self.publisher = publisher
        self._reader = reader(engine)
        self._appender = at_once(engine) if engine.dialect.name == "postgresql" else None
        self._clock = clock
        self._committing = False
        self._writes = Batches(self._commit_together, uncertain=lambda: self._committing)
        self._heads = Batches(self._read_heads)
        self._news = Batches(self._read_news)
        mark_lost_commits(engine)

    def create_tables(self, others: Iterable[MetaData] = ()) -> Upgrade:
        """Bring our tables to the schema of this version, and make the missing ones of ``others``.

        Safe to repeat, and in several processes at once. Raises ConfigurationError.
        """
        # Here, since Alembic takes as long to import as all the rest, and no worker needs it.
        from .migrations import upgrade

        with patient(self.engine).begin() as connection:
            done = upgrade(connection)
            for metadata in others:
                metadata.create_all(connection)
        return done

    def revision(self) -> str | None:
        """The revision of our tables in the database. Raises what the database raises."""
        with self._reader.connect() as connection:
            return schema.revision(connection)

    def commit(self, operations: Iterable[Operation]) -> Written:
        """Write ``operations``, commit, publish the events, and tell what was done.

        Raises OutcomeUnknown if the database was lost during the commit: nothing is published
        then, and if it did commit, the sweep announces it.
        """
        todo = list(operations)
        return self._shared(todo) or self._commit_alone(todo)

    def _shared(self, operations: Sequence[Operation]) -> Written | None:
        """Commit with others, or return None."""
        if not _may_share(operations):
            return None
        try:
            return self._writes.submit(operations)
        except NotShared:
            return None

    def _commit_alone(self, operations: Sequence[Operation]) -> Written:
        with self.engine.begin() as connection:
            written = inbox.write(connection, operations, self._clock)
        self.publisher.publish(written.events)
        return written

    def _commit_together(self, groups: Sequence[Sequence[Operation]]) -> Sequence[Written | None]:
        """Commit what can be committed at once; None for those who have to do it alone."""
        self._committing = False
        new = _single_messages(groups) if self._appender is not None else None
        try:
            events, shares = self._write(groups) if new is None else self._append(new)
        except Exception as error:
            if is_outage(error) and not is_lost_race(error):
                raise
            # Somebody's write was refused, and nobody is to pay for it but himself.
            return [None] * len(groups)
        if events:
            self.publisher.publish(events)
        return shares

    def _write(self, groups: Sequence[Sequence[Operation]]) -> _Shares:
        with self.engine.begin() as connection:
            free, written = inbox.write_free(connection, groups, self._clock)
            self._committing = True
        return written.events, _shares(groups, free, written)

    def _append(self, new: Sequence[NewMessage]) -> _Shares:
        assert self._appender is not None
        with self._appender.begin() as connection:
            # The statement may be the transaction, so from here on it may have happened.
            self._committing = True
            return sending.append_free(connection, new, self._clock)

    def badge(self, user: str) -> Badge:
        """The user's counter and head, of one moment."""
        with self._reader.connect() as connection:
            return inbox.badge(connection, user)

    def heads(self, users: Sequence[str]) -> dict[str, int]:
        """The heads of those of ``users`` who have an inbox."""
        try:
            found = self._heads.submit(users)
        except NotShared:
            found = self._read_heads([users])[0]
        return {user: found[user] for user in users if user in found}

    def _read_heads(self, asked: Sequence[Sequence[str]]) -> Sequence[dict[str, int]]:
        users = asked[0] if len(asked) == 1 else list({user for some in asked for user in some})
        with self._reader.connect() as connection:
            found = inbox.heads(connection, users)
        return [found] * len(asked)

    def since(self, user: str, stamp: int) -> list[Event]:
        """The user's notifications above ``stamp``, ascending.

        A ``stamp`` above the head (the database was restored) counts as 0. Head and notifications
        come from one statement, which reads nothing but the head where that is ``stamp``.
        """
        asked = (user, stamp)
        try:
            return self._news.submit(asked)
        except NotShared:
            return self._read_news([asked])[0]

    def _read_news(self, asked: Sequence[tuple[str, int]]) -> Sequence[list[Event]]:
        with self._reader.connect() as connection:
            return inbox.since(connection, asked)

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


def _may_share(operations: Sequence[Operation]) -> bool:
    return len(operations) <= _LARGEST_SHARED and all(
        isinstance(operation, _SHARED) for operation in operations
    )


def _single_messages(groups: Sequence[Sequence[Operation]]) -> list[NewMessage] | None:
    """The messages, if each group is one."""
    new: list[NewMessage] = []
    for group in groups:
        if len(group) != 1 or not isinstance(group[0], NewMessage):
            return None
        new.append(group[0])
    return new


def _shares(
    groups: Sequence[Sequence[Operation]], free: Sequence[bool], written: Written
) -> list[Written | None]:
    """What of ``written`` each group did; None for those that were not carried out."""
    events: dict[str, list[Event]] = {}
    for event in written.events:
        events.setdefault(event.user, []).append(event)
    stored = iter(written.messages)
    return [
        _share(group, stored, events, written) if carried_out else None
        for group, carried_out in zip(groups, free, strict=True)
    ]


def _share(
    group: Sequence[Operation],
    stored: Iterator[StoredMessage],
    events: Mapping[str, list[Event]],
    written: Written,
) -> Written:
    users = dict.fromkeys(operation.user for operation in group)
    return Written(
        [next(stored) for operation in group if isinstance(operation, NewMessage)],
        [event for user in users for event in events.get(user, ())],
        {user: written.badges[user] for user in users},
    )
