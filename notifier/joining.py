"""Whose transaction is joined: that of ``transaction()``, else the host's."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session, scoped_session

from .errors import ConfigurationError, StagingError

__all__ = ["Joining", "Sessions"]

Sessions = Callable[[], Session]
"""Returns the current session: a ``scoped_session``, Flask-SQLAlchemy's ``db.session``."""

_WANTED = "pass db.session, a scoped_session, or a function that returns the current session"


class _Own:
    """A transaction of the notifier's own.

    A process that was forked inside it has no part in it, and neither have threads and tasks that
    were handed a copy of the context.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.over = False
        self._place = _place()

    @property
    def is_here(self) -> bool:
        """Whether what is sent here and now belongs to it."""
        return not self.over and self._place == _place()


def _place() -> tuple[int, int]:
    return os.getpid(), threading.get_ident()


class Joining:
    """Finds the session that what is sent belongs to."""

    def __init__(self, host: Sessions | None) -> None:
        if host is not None and not callable(host):
            raise ConfigurationError(f"session= cannot be a {type(host).__name__}; {_WANTED}")
        self._host = host
        self._checked = False
        self._own: ContextVar[_Own | None] = ContextVar("own", default=None)

    @property
    def has_host(self) -> bool:
        """Whether there is a host whose sessions can be joined."""
        return self._host is not None

    @contextmanager
    def own(self, engine: Engine) -> Iterator[Session]:
        """A session on ``engine``, committed at the end, which is the current one inside."""
        with Session(engine) as session, session.begin():
            own = _Own(session)
            before = self._own.set(own)
            try:
                yield session
            finally:
                self._own.reset(before)
                own.over = True

    def current(self) -> Session:
        """The session to join. Raises StagingError if there is none."""
        own = self._own.get()
        return own.session if own is not None and own.is_here else self.of_host()

    def of_host(self) -> Session:
        """The host's current session. Raises StagingError if it cannot be had, or is none."""
        if self._host is None:
            raise StagingError(
                "there is no transaction to join: pass session= to Notifier, or use "
                "`with notifier.transaction():`"
            )
        try:
            session: Session = _unwrapped(self._host())
            if not self._checked:
                self._check(session, _unwrapped(self._host()))
        # Flask's contexts raise the first of them, and what hosts keep in them the others.
        except (RuntimeError, AttributeError, LookupError) as error:
            raise StagingError(
                f"the app's session cannot be used here ({error}); push an app context, or use "
                "`with notifier.transaction():`, with engine= for Notifier if there is no session "
                "outside of requests"
            ) from error
        return session

    def _check(self, session: object, again: object) -> None:
        if not isinstance(session, Session):
            raise StagingError(f"session= returned a {type(session).__name__}; {_WANTED}")
        if session is not again:
            raise StagingError(
                "session= makes a new session whenever it is called, which nobody would commit; "
                + _WANTED
            )
        self._checked = True


def _unwrapped(session: Any) -> Any:
    """The session itself, where a host returns the registry of its sessions."""
    return session() if isinstance(session, scoped_session) else session
