"""Databases of every age."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import Engine

from notifier.database import create_engine
from notifier.publisher import MemoryPublisher
from notifier.store import Store

RELEASED = Path(__file__).parent / "released"
VERSIONS = sorted({path.name.rpartition(".")[0].rpartition(".")[0] for path in RELEASED.iterdir()})

Load = Callable[[str], None]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    # Patient, as nobody knows what else a machine has to do.
    engine = create_engine(database_url, busy_timeout=30, answer_timeout=30)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> Store:
    """The core on a database that has nothing in it yet."""
    return Store(engine, MemoryPublisher())


@pytest.fixture
def load(database_url: str) -> Load:
    """Makes the database what a released version left: ``load("0.1")``."""

    def run(version: str) -> None:
        kind = "sqlite" if database_url.startswith("sqlite") else "postgresql"
        script = (RELEASED / f"{version}.{kind}.sql").read_text()
        if kind == "sqlite":
            with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
                connection.executescript(script)
        else:
            plain = database_url.replace("+psycopg2", "")
            with closing(psycopg2.connect(plain)) as connection, connection.cursor() as cursor:
                cursor.execute(script)
                connection.commit()

    return run
