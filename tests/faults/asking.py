"""One engine that is asked while its database is in trouble."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

ANSWER = 0.4  # seconds; short, and far above what a healthy server needs


def ask(engine: Engine, statement: str = "SELECT pg_backend_pid()") -> object:
    with engine.connect() as connection:
        return connection.execute(text(statement)).scalar()


def fails(engine: Engine, statement: str = "SELECT 1") -> SQLAlchemyError:
    with pytest.raises(SQLAlchemyError) as failure:
        ask(engine, statement)
    return failure.value


def eventually(engine: Engine) -> object:
    """The first answer after an outage."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return ask(engine)
        except SQLAlchemyError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
