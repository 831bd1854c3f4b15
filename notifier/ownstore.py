"""The store of a notifier: made when it is first needed, and safe to take across a fork."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

from sqlalchemy import Engine

from .oneconnection import considerate
from .publisher import Publisher
from .store import Store

__all__ = ["OnStore", "OwnStore"]

MakeEngine = Callable[[], tuple[Engine, bool]]
"""Returns an engine, and whether it is the notifier's own rather than the host's."""


class OnStore(ABC):
    """Something whose methods ask one store."""

    @property
    @abstractmethod
    def store(self) -> Store:
        """The core, on the engine."""


class OwnStore:
    """One store for each process, whichever thread asks first.

    The connections of an engine of our own are not shared with a forked process: it begins with
    none. An engine of the host's is left alone, as is whatever the host does about its forks.
    """

    def __init__(self, make_engine: MakeEngine, publisher: Publisher) -> None:
        self._make_engine = make_engine
        self._publisher = publisher
        self._store: Store | None = None
        self._owned = False
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def get(self) -> Store:
        """The store. Raises ConfigurationError or StagingError if no engine can be had."""
        if self._pid != os.getpid():
            self._after_fork()
        return self._store or self._made()

    def _made(self) -> Store:
        with self._lock:
            if self._store is None:
                engine, self._owned = self._make_engine()
                self._store = Store(considerate(engine), self._publisher)
            return self._store

    def _after_fork(self) -> None:
        if self._store is not None and self._owned:
            # The parent goes on with these connections, so they are forgotten, not closed.
            self._store.engine.dispose(close=False)
        self._begin()
