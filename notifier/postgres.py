"""PostgreSQL connections that give up in time, whatever silence they meet.

A server that is frozen, or whose packets vanish, answers nothing, and nothing in libpq ends that
wait: ``connect_timeout`` has no effect under eventlet, ``tcp_user_timeout`` none while the
server's kernel acknowledges, ``statement_timeout`` is the server's own. So a watch cuts the socket
of a connection whose answer is overdue. To the driver that is a lost connection, with threads,
eventlet and gevent alike.
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

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DisconnectionError

from .outages import AT_ONCE

__all__ = ["PATIENT", "READ_ONLY", "Watch", "guard"]

PATIENT = "notifier_patient"
"""Execution option of transactions whose statements may take as long as they take."""

READ_ONLY = "notifier_read_only"
"""Execution option of transactions that only read."""

# Of the time an answer may take, what the server gets before it cancels the statement itself: the
# connection survives that, and the outcome is certain.
_SERVER_SHARE = 0.9
# After silence, connecting is refused for as long as callers wait for a place in the pool, but not
# for longer than this, in seconds: they are told at once then, and do not wait all over again.
_LONGEST_HOLD_OFF = 2.0
# How long a transaction of ours may hold its locks when the network has swallowed its owner, in
# milliseconds. The server's own patience with a dead peer is two hours.
_IDLE_IN_TRANSACTION = 10_000
# How much later than allowed a connection may be cut, in seconds.
_TICK = 0.1
_NO_LIMITS = """\
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0"""
# libpq counts in whole seconds.
_LEAST_CONNECT_TIMEOUT = 1
_UNSUPPORTED = "unsupported startup parameter"


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
        self._lock = threading.Lock()
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
            for connection, deadline in self._waiting.items():
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
    with contextlib.suppress(Exception), contextlib.closing(_socket_of(connection)) as sock:
        sock.shutdown(socket.SHUT_RDWR)


def _socket_of(connection: Any) -> _socket.socket:
    """The connection's socket by another descriptor, without what eventlet and gevent make of
    sockets: gevent's waits even where it is told not to.
    """
    return _socket.socket(fileno=os.dup(connection.fileno()))


def _has_news(connection: Any) -> bool:
    """Whether an idle connection has something to read: its end, or the reason for that."""
    try:
        with contextlib.closing(_socket_of(connection)) as sock:
            sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except Exception:  # noqa: BLE001 -- whatever it is, such a connection is of no use
        return True
    return True


def guard(engine: Engine, seconds: float, pool_timeout: float) -> Watch:
    """Let every answer that ``engine`` waits for take at most ``seconds``.

    With the ``pool_timeout`` of its pool, nobody waits for longer than the greater of both.
    """
    watch = Watch(seconds, pool_timeout)
    opener = _Opener(watch)
    event.listen(engine, "do_connect", opener.connect)

    @event.listens_for(engine, "checkout")
    def checkout(connection: Any, _record: object, _proxy: object) -> None:
        # Instead of a ping, which costs a round trip each time and finds the same.
        if _has_news(connection):
            raise DisconnectionError("the server has closed this connection")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        driver: Any = connection.connection.driver_connection
        if options.get(PATIENT):
            driver.patient = True
            connection.exec_driver_sql(_NO_LIMITS)
        elif options.get(READ_ONLY) or options.get(AT_ONCE):
            # Every statement sees a moment of its own anyway, and is all or nothing, so the two
            # exchanges that begin and end a transaction would buy nothing.
            driver.autocommit = True

    @event.listens_for(engine, "checkin")
    def checkin(connection: Any, _record: object) -> None:
        if connection is not None and not connection.closed:
            connection.patient = connection.autocommit = False

    return watch


class _Opener:
    """Opens connections that are watched, with limits that the server knows too."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._limits = True
        self._driver: tuple[type, type] | None = None

    def connect(self, dialect: Any, _record: object, cargs: Any, cparams: Any) -> Any:
        dbapi = dialect.loaded_dbapi
        if self._watch.holds_off:
            raise dbapi.OperationalError("the server did not answer just now, so it is not asked")
        given = dict(cparams)
        if self._driver is None:
            self._driver = _driver(dbapi, self._watch)
        connection_class, given["cursor_factory"] = self._driver
        given["connection_factory"] = connection_class
        given.setdefault("connect_timeout", max(_LEAST_CONNECT_TIMEOUT, int(self._watch.seconds)))
        began = time.monotonic()
        try:
            return dbapi.connect(*cargs, **self._with_limits(given))
        except dbapi.OperationalError as error:
            if time.monotonic() - began >= _LEAST_CONNECT_TIMEOUT:
                self._watch.silence()
            # A connection pooler in between; the watch alone has to do then.
            if not self._limits or _UNSUPPORTED not in str(error):
                raise
            self._limits = False
            return dbapi.connect(*cargs, **given)

    def _with_limits(self, given: dict[str, Any]) -> dict[str, Any]:
        if not self._limits:
            return given
        share = round(self._watch.seconds * _SERVER_SHARE * 1000)
        limits = {
            "statement_timeout": share,
            "lock_timeout": share,
            "idle_in_transaction_session_timeout": _IDLE_IN_TRANSACTION,
        }
        ours = " ".join(f"-c {name}={value}" for name, value in limits.items())
        # The last one counts, so what the URL says comes last.
        return {**given, "options": f"{ours} {given.get('options', '')}".strip()}


def _driver(dbapi: Any, watch: Watch) -> tuple[type, type]:
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
