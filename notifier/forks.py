"""SQLite and forks: a process inherits no connection, for it could neither use it nor forget it.

SQLite keeps a table of the locks that its process holds on a file, whoever opened it. A fork copies
that table. With a connection in it, if only an idle one, those that the new process opens take
their locks for held and leave them out: whoever closes the file last elsewhere deletes the log of
what they commit. With a transaction in it they wait for that transaction for ever.
"""

from __future__ import annotations

import functools
import logging
import os
import threading
import time
import weakref
from typing import Any

from sqlalchemy.pool import ConnectionPoolEntry

from .errors import ConfigurationError
from .fairpool import FairQueuePool, Turns

__all__ = ["ForkablePool"]

log = logging.getLogger("notifier.database")

# Less than callers wait for a connection (pool_timeout), so that none of them gives up for a fork.
_PATIENCE_SECONDS = 1.0

_CURE = "fork outside of transactions, start processes by spawn, or use PostgreSQL"
_CARRIED = (
    "this process was forked in the middle of a transaction on its SQLite database, and cannot use "
    f"it: {_CURE}"
)


class ForkablePool(FairQueuePool):
    """A pool whose connections are closed whenever its process forks.

    A fork waits a moment for those who have one, and keeps others from taking one meanwhile. If
    that was in vain, as it is inside a transaction of the caller's own, the new process is refused
    any: ConfigurationError.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._users: dict[ConnectionPoolEntry, int] = {}
        self._carried = False
        _forks().watch(self)

    def recreate(self) -> ForkablePool:
        """A new pool like this one, as refused as this one."""
        new: ForkablePool = super().recreate()  # type: ignore[assignment]
        new._carried = self._carried
        return new

    def _do_get(self) -> ConnectionPoolEntry:
        if self._carried:
            raise ConfigurationError(_CARRIED)
        record = super()._do_get()
        self._users[record] = threading.get_ident()
        return record

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        self._users.pop(record, None)
        super()._do_return_conn(record)

    def before_fork(self, deadline: float) -> None:
        """Close every connection, or wait until ``deadline`` for those in use."""
        mine = threading.get_ident() in self._users.copy().values()
        patience = 0.0 if mine else max(deadline - time.monotonic(), 0.0)
        if self._turns.pause(patience):
            self.dispose()
        else:
            # No more than a note: most begin another program, and one that does not is told so.
            log.info(
                "A process is forked in the middle of a transaction on SQLite; the new one cannot "
                "use the database: %s",
                _CURE,
            )

    def after_fork(self) -> None:
        """Go on, in the process that forked."""
        self._turns.resume()

    def in_child(self) -> None:
        """Begin anew, in the process that was forked; only its one thread is there."""
        if self._turns.all_free:
            # Nothing is left to close, unless it was forked past Python.
            self.dispose()
        else:
            self._carried = True
        self._turns = Turns(self.size())


class _Forks:
    """The pools of this process, told of its forks."""

    def __init__(self) -> None:
        self._pools: weakref.WeakValueDictionary[int, ForkablePool] = weakref.WeakValueDictionary()
        self._paused = threading.local()
        # Two threads may fork at once, and each has to find closed what the other is closing.
        self._forking = threading.Lock()
        os.register_at_fork(
            before=self._before, after_in_parent=self._after, after_in_child=self._in_child
        )

    def watch(self, pool: ForkablePool) -> None:
        """Tell ``pool``, as long as it lives."""
        self._pools[id(pool)] = pool

    def _all(self) -> list[ForkablePool]:
        # One step, which no other thread and no fork can come in between.
        references = self._pools.valuerefs()
        return [pool for one in references if (pool := one()) is not None]

    def _before(self) -> None:
        self._forking.acquire()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        self._paused.pools = []
        for pool in self._all():
            self._paused.pools.append(pool)
            pool.before_fork(deadline)

    def _after(self) -> None:
        pools = getattr(self._paused, "pools", None)
        if pools is None:
            # The first pool was made in another thread while this one was about to fork.
            return
        for pool in pools:
            pool.after_fork()
        del self._paused.pools
        self._forking.release()

    def _in_child(self) -> None:
        self._forking = threading.Lock()
        self._paused = threading.local()
        for pool in self._all():
            pool.in_child()


@functools.cache
def _forks() -> _Forks:
    """Those of this process. Python forgets no hook, so there is one, from the first pool on."""
    return _Forks()
