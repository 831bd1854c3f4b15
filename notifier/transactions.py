"""Where a session's transaction is, what it is about to do, and on which connection."""

from __future__ import annotations

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import UnboundExecutionError
from sqlalchemy.orm import Session, SessionTransaction

from .errors import StagingError
from .models import inboxes

__all__ = [
    "connection_of",
    "engine_of",
    "flush_all",
    "has_to_flush",
    "innermost",
    "is_any_preparing",
    "is_flushing",
    "is_inside",
    "is_outermost_commit",
    "is_preparing",
]

# After as many a commit of SQLAlchemy's gives up, and says so.
_FLUSHES = 100


def innermost(session: Session) -> SessionTransaction | None:
    """The session's innermost savepoint, else its transaction."""
    return session.get_nested_transaction() or session.get_transaction()


def is_inside(within: SessionTransaction | None, ended: SessionTransaction) -> bool:
    """Whether a transaction or savepoint is ``ended``, or a savepoint in it."""
    while within is not None:
        if within is ended:
            return True
        within = within.parent
    return False


def is_flushing(session: Session) -> bool:
    """Whether a hook of a flush is asking. SQLAlchemy has no public way to tell."""
    return bool(getattr(session, "_flushing", False))


def has_to_flush(session: Session) -> bool:
    """Whether a hook of a flush is asking before the last, ``after_flush_postexec``, is called.

    Or in it, if a hook has changed something, which the commit's next flush is for.
    """
    return is_flushing(session) and _has_changes(session)


def is_any_preparing(session: Session) -> bool:
    """Whether the transaction, or a savepoint that is open, is committed right now."""
    within = innermost(session)
    while within is not None and not is_preparing(within):
        within = within.parent
    return within is not None


def flush_all(session: Session) -> None:
    """Flush until hooks of flushes have changed nothing more, as a commit does."""
    for _ in range(_FLUSHES):
        if not _has_changes(session):
            return
        session.flush()


def _has_changes(session: Session) -> bool:
    return bool(session.new or session.dirty or session.deleted)


def is_outermost_commit(session: Session) -> bool:
    """Whether the ``before_commit`` hook that asks is of the transaction, not of a savepoint.

    Savepoints that are open by then are released with it.
    """
    savepoint = session.get_nested_transaction()
    if savepoint is None:
        return True
    return is_preparing(session.get_transaction()) and not is_preparing(savepoint)


def is_preparing(transaction: SessionTransaction | None) -> bool:
    """Whether the transaction is committed right now, its hooks and flushes included.

    A host's own hooks may be the first to stage something in a session: those of ``before_commit``
    itself, and those of the flush that follows it. SQLAlchemy has no public way to tell.
    """
    running = getattr(transaction, "_current_fn", None)
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


def connection_of(session: Session) -> Connection:
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
