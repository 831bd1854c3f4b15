"""Cuts connections to PostgreSQL whose answer is overdue.

A server that is frozen, or whose packets vanish, answers nothing, and nothing in libpq ends that
wait: ``connect_timeout`` has no effect under eventlet, ``tcp_user_timeout`` none while the
server's kernel acknowledges, ``statement_timeout`` is the server's own. So a watch cuts the socket.
To the driver that is a lost connection, with threads, eventlet and gevent alike.
"""

from __future__ import annotations

import _socket
import contextlib
import os
import socket
import threading
import time
import weakref
from typing import Any

__all__ = ["Watch", "socket_of", "watched_driver"]

# After silence, connecting is refused for as long as callers wait for a place in the pool, but not
# for longer than this, in seconds: they are told at once then, and do not wait all over again.
_LONGEST_HOLD_OFF = 2.0
# How much later than allowed a connection may be cut, in seconds.
_TICK = 0.1


class Watch:
    """Cuts connections that have waited more than ``seconds`` for one answer of the server.

    For ``hold_off`` seconds after that, or until the server answers somebody, it advises against
    new ones.
    """

    def __init__(self, seconds: float, hold_off: float) -> None:
        self.seconds = seconds
        self._hold_off = min(hold_off, _LONGEST_HOLD_OFF)
        self.cuts = 0
        self._silent_at = float("-inf")
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        # Entered again where garbage is collected inside: a connection that leaks is rolled back.
        self._lock = threading.RLock()
        self._waiting: dict[Any, float] = {}
        self._running = False

    def begin(self, connection: Any, answers: int = 1) -> None:
        """Note that ``connection`` asked for so many ``answers``."""
        if self._pid != os.getpid():
            # A fork has the state of the watch without its thread.
            self._reset()
        if connection.patient:
            return
        with self._lock:
            self._waiting[connection] = time.monotonic() + self.seconds * answers
            start, self._running = not self._running, True
        if start:
            loop = threading.Thread(
                target=_watch, args=(weakref.ref(self),), name="database watch", daemon=True
            )
            loop.start()

    def end(self, connection: Any) -> bool:
        """Note that ``connection`` waits no longer; whether it had waited too long."""
        with self._lock:
            deadline = self._waiting.pop(connection, None)
        return deadline is not None and time.monotonic() >= deadline

    def silence(self) -> None:
        """Note that the server did not answer in time."""
        self._silent_at = time.monotonic()

    def answered(self) -> None:
        """Note that the server has answered, whatever was before."""
        self._silent_at = float("-inf")

    @property
    def holds_off(self) -> bool:
        """Whether the silence was so recent that asking again makes no sense."""
        return time.monotonic() - self._silent_at < self._hold_off

    def check(self) -> None:
        """Cut what is overdue. Whoever waits for more than one host is cut at each of them."""
        now = time.monotonic()
        with self._lock:
            for connection, deadline in list(self._waiting.items()):
                if now >= deadline:
                    self.cuts += 1
                    _cut(connection)


def _watch(ref: weakref.ref[Watch]) -> None:
    while (watch := ref()) is not None:
        watch.check()
        del watch
        time.sleep(_TICK)


def _cut(connection: Any) -> None:
    # Gone by itself, or still connecting without eventlet, where libpq has a timeout of its own.
    with contextlib.suppress(Exception), contextlib.closing(socket_of(connection)) as sock:
        sock.shutdown(socket.SHUT_RDWR)


def socket_of(connection: Any) -> _socket.socket:
    """The connection's socket by another descriptor, without what eventlet and gevent make of
    sockets: gevent's waits even where it is told not to.
    """
    return _socket.socket(fileno=os.dup(connection.fileno()))


def watched_driver(dbapi: Any, watch: Watch) -> tuple[type, type]:
    """psycopg2's connection and cursor, watched while they wait."""
    ask = _Asking(dbapi, watch)

    class WatchedCursor(dbapi.extensions.cursor):  # type: ignore[misc]
        def execute(self, *args: Any) -> None:
            ask(self.connection, super().execute, *args)

        def executemany(self, query: Any, parameters: Any) -> None:
            rows = list(parameters)
            ask(self.connection, super().executemany, query, rows, answers=max(1, len(rows)))

    class WatchedConnection(dbapi.extensions.connection):  # type: ignore[misc]
        patient = False

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            ask(self, super().__init__, *args, **kwargs)

        def commit(self) -> None:
            ask(self, super().commit)

        def rollback(self) -> None:
            ask(self, super().rollback)

    return WatchedConnection, WatchedCursor


class _Asking:
    """Calls what waits for an answer of the server, under the eyes of the watch."""

    def __init__(self, dbapi: Any, watch: Watch) -> None:
        self._errors = dbapi.Error
        self._late = dbapi.OperationalError
        self._watch = watch

    def __call__(
        self, connection: Any, call: Any, *args: Any, answers: int = 1, **kwargs: Any
    ) -> None:
        self._watch.begin(connection, answers)
        try:
            call(*args, **kwargs)
        except self._errors as error:
            if not self._watch.end(connection):
                raise
            self._watch.silence()
            text = f"the server did not answer within {self._watch.seconds:g} s"
            raise self._late(text) from error
        else:
            self._watch.answered()
        finally:
            self._watch.end(connection)
