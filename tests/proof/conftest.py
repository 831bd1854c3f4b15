"""The databases on which the machine runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proof.site import PostgresSite, Site, SqliteSite


@pytest.fixture
def sqlite_site(sqlite_url: str) -> Iterator[Site]:
    site = SqliteSite(sqlite_url)
    yield site
    site.close()


@pytest.fixture
def postgres_site(postgres_url: str) -> Iterator[Site]:
    site = PostgresSite(postgres_url)
    yield site
    site.close()


@pytest.fixture(params=["sqlite_site", "postgres_site"], ids=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest) -> Site:
    site = request.getfixturevalue(request.param)
    assert isinstance(site, Site)
    return site
