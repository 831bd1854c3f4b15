"""The core on a real database, once on each engine."""

from __future__ import annotations

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
