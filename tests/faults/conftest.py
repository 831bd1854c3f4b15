"""Services for these tests: started once, made whole again before each world."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.faults.services import Services

# The table measures times and so wants a machine of its own: FAULT_TABLE=1 runs its quick rows.
collect_ignore = [] if os.environ.get("FAULT_TABLE") else ["test_table.py"]


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """PostgreSQL and Valkey behind proxies, to be broken in any way."""
    services = Services()
    yield services
    services.close()
