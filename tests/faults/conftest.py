"""Services for these tests: started once, made whole again before each world."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.services import Services


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """PostgreSQL and Valkey behind proxies, to be broken in any way."""
    services = Services()
    yield services
    services.close()
