"""The core on a real database, once on each engine, and a subscription on a real Redis."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from notifier.config import Settings
from notifier.database import create_engine
from notifier.operations import Event
from notifier.publisher import MemoryPublisher
from notifier.staging import Staging
from notifier.store import Store
from tests.contract.broker import Subscribed, subscribe
from tests.services.valkey import Valkey


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def published() -> list[Event]:
    return []


@pytest.fixture
def publisher(published: list[Event]) -> MemoryPublisher:
    publisher = MemoryPublisher()
    publisher.subscribe(published.extend)
    return publisher


@pytest.fixture
def store(engine: Engine, publisher: MemoryPublisher) -> Store:
    store = Store(engine, publisher)
    store.create_tables()
    return store


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def staging(store: Store, publisher: MemoryPublisher) -> Staging:
    return Staging(publisher)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as session:
        yield session


@pytest.fixture
def subscribed(valkey: Valkey, prefix: str) -> Iterator[Subscribed]:
    made = subscribe(valkey, prefix)
    yield made
    made.close()


@pytest.fixture
def fragile(fresh_valkey: Valkey, prefix: str) -> Iterator[Subscribed]:
    """The same on a Valkey of the test's own."""
    made = subscribe(fresh_valkey, prefix)
    yield made
    made.close()


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return f"{os.getpid()}-{request.node.name}"
