"""PostgreSQL connections that give up in time, whatever silence they meet.

The server has limits and cancels what takes longer; for a server that says nothing any more there
is the watch (``watch.py``).
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DisconnectionError

from .outages import AT_ONCE
from .watch import Watch, socket_of, watched_driver

__all__ = ["PATIENT", "READ_ONLY", "guard"]

PATIENT = "notifier_patient"
"""Execution option of transactions whose statements may take as long as they take."""

READ_ONLY = "notifier_read_only"
"""Execution option of transactions that only read."""

# Of the time an answer may take, what the server gets before it cancels the statement itself: the
# connection survives that, and the outcome is certain.
_SERVER_SHARE = 0.9
# How long a transaction of ours may hold its locks when the network has swallowed its owner, in
# milliseconds. The server's own patience with a dead peer is two hours.
_IDLE_IN_TRANSACTION = 10_000
_NO_LIMITS = """\
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0"""
# libpq counts in whole seconds.
_LEAST_CONNECT_TIMEOUT = 1
_UNSUPPORTED = "unsupported startup parameter"


def _has_news(connection: Any) -> bool:
    """Whether an idle connection has something to read: its end, or the reason for that."""
    try:
        with contextlib.closing(socket_of(connection)) as sock:
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
            self._driver = watched_driver(dbapi, self._watch)
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
