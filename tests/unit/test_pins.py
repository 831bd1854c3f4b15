"""The private names of SQLAlchemy that `notifier/oneconnection.py` stands on.

A new version may move them. Then this says which, before anything stranger happens. Those of a
session, in `notifier/transactions.py`, are what `tests/extension/test_hooks.py` is about.
"""

from __future__ import annotations

import inspect

import pytest
from sqlalchemy import Connection, pool
from sqlalchemy.engine.base import Engine, OptionEngine

ONE_CONNECTION = [
    (Connection, "_begin_impl", "transaction", ["self.engine.dialect.do_begin"]),
    (Connection, "_rollback_impl", "", ["self.engine.dialect.do_rollback"]),
    (Connection, "_commit_impl", "", ["self.engine.dialect.do_commit"]),
    (Engine, "connect", "", ["self._connection_cls(self"]),
    (Engine, "execution_options", "opt", ["self._option_cls(self"]),
    (OptionEngine, "__init__", "proxied execution_options", []),
    (Connection, "close", "", ["if self._dbapi_connection is not None"]),
    (pool._ConnectionFairy, "_close_special", "transaction_reset", ["transaction_was_reset"]),
]


@pytest.mark.parametrize(
    ("owner", "name", "parameters", "does"), ONE_CONNECTION, ids=[one[1] for one in ONE_CONNECTION]
)
def test_a_name_that_oneconnection_py_uses_is_where_it_was_and_does_what_it_did(
    owner: type, name: str, parameters: str, does: list[str]
) -> None:
    method = getattr(owner, name)
    assert list(inspect.signature(method).parameters) == ["self", *parameters.split()]
    source = inspect.getsource(method)
    assert [words for words in does if words not in source] == []
