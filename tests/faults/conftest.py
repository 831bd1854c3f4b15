"""Services for these tests: started once, made whole again before each world or engine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from notifier.database import create_engine
from tests.faults.asking import ANSWER
from tests.faults.background import Background
from tests.faults.proxy import Proxy, proxied
from tests.faults.services import Services
from tests.services.postgres import Postgres

# The table measures times and so wants a machine of its own: FAULT_TABLE=1 runs its quick rows.
collect_ignore = [] if os.environ.get("FAULT_TABLE") else ["test_table.py"]


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """PostgreSQL and Valkey behind proxies, to be broken in any way."""
    services = Services()
    yield services
    services.close()


@pytest.fixture(scope="module")
def background() -> Iterator[Background]:
    background = Background()
    yield background
    background.close()


@pytest.fixture
def proxy(background: Background, postgres: Postgres) -> Iterator[Proxy]:
    with proxied(background, postgres.port) as proxy:
        yield proxy


@pytest.fixture
def engine(postgres: Postgres, postgres_url: str, proxy: Proxy) -> Iterator[Engine]:
    url = postgres_url.replace(f":{postgres.port}/", f":{proxy.port}/")
    engine = create_engine(url, pool_size=2, pool_timeout=ANSWER, answer_timeout=ANSWER)
    yield engine
    engine.dispose()
