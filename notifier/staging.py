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

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import UnboundExecutionError
from sqlalchemy.orm import Session, SessionTransaction

from .errors import StagingError
from .inbox import write
from .models import inboxes
from .operations import Event, Operation
from .publisher import Publisher, Receiver
from .stamps import Clock, system_clock

__all__ = ["Staging", "engine_of"]

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

    def drop_inside(self, ended: SessionTransaction) -> None:
        """Drop what was staged inside a transaction or savepoint that was rolled back."""
        self.operations = [item for item in self.operations if not _inside(item[1], ended)]
        self.events = [item for item in self.events if not _inside(item[1], ended)]
        if _inside(self.failed, ended):
            self.failed = None

    def clear(self) -> None:
        self.operations = []
        self.events = []
        self.connection = None
        self.late = False
        self.failed = None


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
        transaction = _innermost(session)
        if transaction is None or not transaction.is_active:
            raise StagingError(
                "the session's transaction is over or has failed, so it carries nothing more; "
                "roll it back, or use `with notifier.transaction():`"
            )
        staged = self._staged(session)
        staged.operations.extend((operation, transaction) for operation in operations)
        if staged.late and not _is_flushing(session):
            self._write(session, staged)

    def _staged(self, session: Session) -> _Staged:
        """What ``session`` holds. It is kept there, so that it goes when the session goes."""
        staged = session.info.get(self)
        if staged is None:
            staged = session.info[self] = _Staged(late=_passed_before_commit(session))
            self._listen(session, staged)
        assert isinstance(staged, _Staged)
        return staged

    def _listen(self, session: Session, staged: _Staged) -> None:
        def before_commit(session: Session) -> None:
            self._before_commit(session, staged)

        def after_flush_postexec(session: Session, _context: object) -> None:
            if staged.late and staged.operations:
                self._write(session, staged)

        def after_commit(session: Session) -> None:
            self._after_commit(session, staged)

        def after_soft_rollback(_session: Session, ended: SessionTransaction) -> None:
            staged.drop_inside(ended)

        def after_transaction_end(_session: Session, ended: SessionTransaction) -> None:
            if ended.parent is None:
                staged.clear()

        event.listen(session, "before_commit", before_commit)
        event.listen(session, "after_flush_postexec", after_flush_postexec)
        event.listen(session, "after_commit", after_commit)
        event.listen(session, "after_soft_rollback", after_soft_rollback)
        event.listen(session, "after_transaction_end", after_transaction_end)

    def _before_commit(self, session: Session, staged: _Staged) -> None:
        if session.in_nested_transaction():
            return
        if staged.operations or staged.failed:
            self._write(session, staged)
        staged.late = True

    def _write(self, session: Session, staged: _Staged) -> None:
        if staged.failed:
            raise StagingError("an earlier commit failed half-way; roll the session back first")
        connection = _connection(session)
        if not _is_flushing(session):
            # Before the locks: they are to be held for the commit alone. Its hooks may stage more.
            session.flush()
        operations = [operation for operation, _ in staged.operations]
        staged.operations = []
        staged.connection = connection
        transaction = _innermost(session)
        assert transaction is not None
        # Until the write is complete, a commit would store half of it.
        staged.failed = transaction
        written = write(connection, operations, self._clock)
        staged.events.extend((event, transaction) for event in written.events)
        staged.failed = None

    def _after_commit(self, session: Session, staged: _Staged) -> None:
        if session.in_nested_transaction():
            return
        if staged.operations:
            staged.clear()
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


def _not_pushed(_events: Sequence[Event]) -> None:
    log.debug("Not pushed: the session's connection is inside another transaction")


def _innermost(session: Session) -> SessionTransaction | None:
    """The session's innermost savepoint, else its transaction."""
    return session.get_nested_transaction() or session.get_transaction()


def _inside(within: SessionTransaction | None, ended: SessionTransaction) -> bool:
    while within is not None:
        if within is ended:
            return True
        within = within.parent
    return False


def _is_flushing(session: Session) -> bool:
    """Whether a hook of a flush is asking. SQLAlchemy has no public way to tell."""
    return bool(getattr(session, "_flushing", False))


def _passed_before_commit(session: Session) -> bool:
    """Whether the session is inside a commit that may not call a new ``before_commit`` hook.

    A host's own hooks may be the first to stage something in a session: those of ``before_commit``
    itself, and those of the flush that follows it. SQLAlchemy has no public way to tell.
    """
    running = getattr(session.get_transaction(), "_current_fn", None)
    return getattr(running, "__name__", "") == "_prepare_impl"


def engine_of(session: Session) -> Engine:
    """The engine on which the session would write our tables. Raises StagingError."""
    try:
        bind = session.get_bind(clause=inboxes.select())
    except UnboundExecutionError as error:
        raise StagingError(
            "the session has no engine for the notifier's tables; give it a default bind, or "
            "name one for each table in Session(binds={...})"
        ) from error
    if bind.dialect.name not in ("sqlite", "postgresql"):
        raise StagingError(
            f"the session's database is {bind.dialect.name}, and the notifier's tables need SQLite "
            "or PostgreSQL; give Notifier an engine= of its own and use notifier.transaction()"
        )
    return bind.engine


def _connection(session: Session) -> Connection:
    """The connection on which the session would write our tables. Raises StagingError."""
    engine_of(session)
    connection = session.connection(bind_arguments={"clause": inboxes.select()})
    if _autocommits(connection):
        raise StagingError(
            "the session is on AUTOCOMMIT, so a rollback could not take a notification back; "
            "use a transaction, or `with notifier.transaction():`"
        )
    return connection


def _autocommits(connection: Connection) -> bool:
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return True
    driver = connection.connection.dbapi_connection
    if driver is None or not connection.dialect.detect_autocommit_setting(driver):
        return False
    # SQLite's driver is also told not to begin by itself where an event hook does it instead.
    return not (connection.dialect.name == "sqlite" and driver.in_transaction)
