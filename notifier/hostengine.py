"""A host's engine, with connections of our own.

A request of the host's holds a connection of its pool from the first query to the end, such as
the one that finds out who is signed in. If the notifier took a second one out of the same pool,
as many requests as the pool has connections would each hold one and wait for another, for ever.
"""

from __future__ import annotations

import os
import weakref
from typing import Any, cast

from sqlalchemy import Engine, event
from sqlalchemy.engine.base import OptionEngine
from sqlalchemy.pool import Pool, QueuePool

from .database import is_in_memory

__all__ = ["beside", "is_beside"]


def beside(host: Engine) -> Engine:
    """An engine on the database of ``host``, with its driver, options and events and its own pool.

    That is as large as the pool of ``host``, and emptied with it. It is ``host`` itself if that
    keeps no connections for which anybody could wait, or if no other connection could see its data.
    """
    alone = host.dialect.name == "sqlite" and is_in_memory(host.url)
    if alone or not isinstance(host.pool, QueuePool):
        return host
    engine = _Beside(host)
    ours = weakref.ref(engine)

    def empty(disposed: Engine) -> None:
        engine = ours()
        # A process that was forked has to leave alone what it shares with its parent.
        if engine is not None and not is_beside(disposed) and os.getpid() == engine.pid:
            engine.dispose()

    event.listen(_root(host), "engine_disposed", empty)
    return engine


def is_beside(engine: Engine) -> bool:
    """Whether a host's engine on the same database has as many connections again."""
    return isinstance(engine, _Beside)


def _root(engine: Engine) -> Engine:
    """The engine whose pool it is, and whose hooks those made from it have, too."""
    while isinstance(engine, OptionEngine):
        engine = engine._proxied
    return engine


class _Beside(OptionEngine):
    # The base has a property in this place, for the pool of the engine that it is made from.
    pool: Pool = cast("Any", None)

    def __init__(self, host: Engine) -> None:
        super().__init__(host, {})
        self.pool = host.pool.recreate()
        self.pid = os.getpid()

    def dispose(self, close: bool = True) -> None:
        """Begin with new connections, which are of this process."""
        super().dispose(close)
        self.pid = os.getpid()
