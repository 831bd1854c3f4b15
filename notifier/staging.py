"""What a session's transaction holds until it commits.

``stage`` notes operations on a SQLAlchemy session. At the outermost commit the session is
flushed, the operations are written as its last statements, and the events are published once
the database has committed. A rollback, of the transaction or of a savepoint, drops what was
staged inside it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, event
from sqlalchemy.orm import Session, SessionTransaction

from .errors import StagingError
from .inbox import write
from .operations import Event, Operation
from .publisher import Publisher, Receiver
from .stamps import Clock, system_clock
from .transactions import (
    connection_of,
    flush_all,
    has_to_flush,
    innermost,
    is_any_preparing,
    is_flushing,
    is_inside,
    is_outermost_commit,
    is_preparing,
)

__all__ = ["Staging"]

log = logging.getLogger("notifier.staging")


@dataclass
class _Staged:
    """What one session holds for its current transaction."""

    operations: list[tuple[Operation, SessionTransaction]] = field(default_factory=list)
    events: list[tuple[Event, SessionTransaction]] = field(default_factory=list)
    connection: Connection | None = None
    # The commit has passed our hook, so what is staged from now on is written at once.
    late: bool = False
    # Where a write broke off half-way.
    failed: SessionTransaction | None = None
    # The savepoint that was released last.
    released: SessionTransaction | None = None

    def drop_inside(self, ended: SessionTransaction) -> None:
        """Drop what was staged inside a transaction or savepoint that was rolled back."""
        self.operations = [item for item in self.operations if not is_inside(item[1], ended)]
        self.events = [item for item in self.events if not is_inside(item[1], ended)]
        if is_inside(self.failed, ended):
            self.failed = None

    def end(self, ended: SessionTransaction) -> None:
        """Begin anew. A hook of the host's may have staged something for the next transaction."""
        self.drop_inside(ended)
        self.late = False
        self.released = None
        if not self.events:
            self.connection = None


class Staging:
    """Joins operations to the transactions of sessions, whichever they are.

    ``withheld`` is given the events of a session that has committed inside a transaction of
    someone else, who may still roll it back. If he commits, the sweep announces them.
    """

    def __init__(self, publisher: Publisher, clock: Clock = system_clock) -> None:
        self._publisher = publisher
        self._clock = clock
        self.withheld: Receiver = _not_pushed

    def stage(self, session: Session, operations: Sequence[Operation]) -> None:
        """Hold ``operations`` until ``session`` commits; like ``add``, this begins a transaction.

        Raises StagingError if the session's transaction cannot carry them.
        """
        if not session.in_transaction():
            session.begin()
        transaction = innermost(session)
        if transaction is None or not transaction.is_active:
            raise StagingError(
                "the session's transaction is over or has failed, so it carries nothing more; "
                "roll it back, or use `with notifier.transaction():`"
            )
        staged = self._staged(session)
        staged.operations.extend((operation, transaction) for operation in operations)
        if staged.late and not has_to_flush(session):
            self.write(session, staged)

    def _staged(self, session: Session) -> _Staged:
        """What ``session`` holds. It is kept there, so that it goes when the session goes."""
        staged = session.info.get(self)
        if staged is None:
            staged = session.info[self] = _Staged(late=is_preparing(session.get_transaction()))
            _Hooks(self, staged).begin(session)
        assert isinstance(staged, _Staged)
        return staged

    def before_commit(self, session: Session, staged: _Staged) -> None:
        """Write what is held, if it is the transaction that is going to be committed."""
        if not is_outermost_commit(session):
            return
        if staged.operations or staged.failed:
            self.write(session, staged)
        staged.late = True

    def write(self, session: Session, staged: _Staged) -> None:
        """Write what is held. Raises StagingError where it could not be committed."""
        if staged.failed:
            raise StagingError("an earlier commit failed half-way; roll the session back first")
        connection = connection_of(session)
        if not is_flushing(session):
            # Before the locks: they are to be held for the commit alone. Its hooks may stage more,
            # which is locked together: who locks twice may meet somebody who does so the other way.
            flush_all(session)
        operations = [operation for operation, _ in staged.operations]
        staged.operations = []
        staged.connection = connection
        transaction = innermost(session)
        assert transaction is not None
        # Until the write is complete, a commit would store half of it.
        staged.failed = transaction
        written = write(connection, operations, self._clock)
        staged.events.extend((event, transaction) for event in written.events)
        staged.failed = None

    def after_commit(self, session: Session, staged: _Staged) -> None:
        """Publish what was written, if it is the transaction that has been committed."""
        if session.in_nested_transaction():
            staged.released = session.get_nested_transaction()
            return
        if staged.operations:
            staged.operations = []
            raise StagingError(
                "the transaction was committed while one of its savepoints was open, so what "
                "was sent in it is lost; release the savepoint, or commit the session itself"
            )
        events = [event for event, _ in staged.events]
        # Who hid a failure from his commit is left to the sweep.
        if events and staged.connection is not None and not staged.failed:
            if staged.connection.in_transaction():
                self.withheld(events)
            else:
                self._publisher.publish(events)


class _Hooks:
    """What a session calls, from the first time that something is staged in it."""

    def __init__(self, staging: Staging, staged: _Staged) -> None:
        self._staging = staging
        self._staged = staged
        self._later: list[str] = []

    def begin(self, session: Session) -> None:
        """Listen. Hooks that are being called right now must not be added to, so they wait."""
        if is_any_preparing(session):
            self._later.append("before_commit")
        if is_flushing(session) and not has_to_flush(session):
            self._later.append("after_flush_postexec")
        for name in ("before_commit", "after_flush_postexec", "after_commit"):
            if name not in self._later:
                event.listen(session, name, getattr(self, name))
        event.listen(session, "after_soft_rollback", self.after_soft_rollback)
        event.listen(session, "after_transaction_end", self.after_transaction_end)

    def before_commit(self, session: Session) -> None:
        self._staging.before_commit(session, self._staged)

    def after_flush_postexec(self, session: Session, _context: object) -> None:
        if self._staged.late and self._staged.operations and not has_to_flush(session):
            self._staging.write(session, self._staged)

    def after_commit(self, session: Session) -> None:
        self._staging.after_commit(session, self._staged)

    def after_soft_rollback(self, _session: Session, ended: SessionTransaction) -> None:
        self._staged.drop_inside(ended)

    def after_transaction_end(self, session: Session, ended: SessionTransaction) -> None:
        if ended.nested and ended is not self._staged.released:
            # Closed without a word: SQLAlchemy rolls it back, and calls no other hook.
            self._staged.drop_inside(ended)
        if ended.parent is None:
            self._staged.end(ended)
        self._listen_later(session, ended)

    def _listen_later(self, session: Session, ended: SessionTransaction) -> None:
        over = {
            "after_flush_postexec": not ended.nested,
            "before_commit": ended.parent is None or not is_any_preparing(session),
        }
        for name in [name for name in self._later if over[name]]:
            self._later.remove(name)
            event.listen(session, name, getattr(self, name))


def _not_pushed(_events: Sequence[Event]) -> None:
    log.debug("Not pushed: the session's connection is inside another transaction")
