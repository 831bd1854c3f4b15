"""The core on a real database, as the contract tests have it."""

from tests.contract.conftest import (
    engine,
    published,
    publisher,
    session,
    settings,
    staging,
    store,
)

__all__ = ["engine", "published", "publisher", "session", "settings", "staging", "store"]
