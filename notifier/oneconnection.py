"""SQLite in memory: one connection, in the thread or in the process, on which everybody is.

Test suites run on it. The pools that it needs give out the connection of the host's session once
more, so that a transaction of our own there would end the session's.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import RootTransaction
from sqlalchemy.engine.base import OptionEngine
from sqlalchemy.pool import SingletonThreadPool, StaticPool

from .errors import ConfigurationError
from .postgres import READ_ONLY

__all__ = ["considerate"]


def considerate(engine: Engine) -> Engine:
    """The same engine and pool, for transactions that leave alone those of others.

    It is ``engine`` itself unless its connection is shared. If it is, reads are made inside
    whatever transaction there is, and writes raise ConfigurationError while there is one.
    """
    if engine.dialect.name != "sqlite" or not isinstance(
        engine.pool, StaticPool | SingletonThreadPool
    ):
        return engine
    return _Considerate(engine, {})


class _Guest(Connection):
    """A connection that others are on. SQLAlchemy has no public way to begin and end nothing."""

    def _begin_impl(self, transaction: RootTransaction) -> None:
        if self._only_reads:
            return
        if _in_transaction(self.connection.dbapi_connection):
            self._hand_back()
            raise ConfigurationError(
                "SQLite in memory has one connection, and a session has a transaction open on it, "
                "which this would commit; commit or roll back the session first, or use a file: "
                "sqlite:///path/to/file"
            )
        super()._begin_impl(transaction)

    def _rollback_impl(self) -> None:
        if not self._only_reads:
            super()._rollback_impl()

    def _commit_impl(self) -> None:
        if not self._only_reads:
            super()._commit_impl()

    @property
    def _only_reads(self) -> bool:
        return bool(self.get_execution_options().get(READ_ONLY))

    def _hand_back(self) -> None:
        """Close, without the rollback that a pool makes of it where nothing was begun."""
        cast("Any", self.connection)._close_special(transaction_reset=True)
        self._dbapi_connection = None


class _Considerate(OptionEngine):
    _connection_cls = _Guest


# What execution_options() makes of such an engine is one, too.
_Considerate._option_cls = _Considerate


def _in_transaction(driver: Any) -> bool:
    # By the driver's newer rules there is always one, so nothing can be told from it.
    return driver.in_transaction and getattr(driver, "autocommit", None) is not False
