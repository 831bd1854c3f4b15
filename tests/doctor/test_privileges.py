"""A database that lets us in, and then not do what is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from notifier.doctor.report import State
from tests.doctor.conftest import Examine, Host
from tests.doctor.test_database import POSTGRESQL
from tests.services.postgres import Postgres

Role = Callable[..., str]
SCHEMA = "USAGE ON SCHEMA public"


@pytest.fixture
def role(postgres: Postgres, postgres_url: str) -> Iterator[Role]:
    """A function that makes a role with these grants on the tables: its URL."""
    database = postgres_url.rpartition("/")[2]

    def grant(*grants: str) -> str:
        postgres.execute("CREATE ROLE limited LOGIN")
        for one in grants:
            postgres.execute(f"GRANT {one} TO limited", database=database)
        return postgres_url.replace("://postgres@", "://limited@")

    yield grant
    postgres.execute("DROP OWNED BY limited", database=database)
    postgres.execute("DROP ROLE limited")


@pytest.mark.parametrize(
    ("grants", "words"),
    [
        ((), "USAGE on the schema public"),
        ((SCHEMA,), "SELECT on inboxes"),
        (
            (
                SCHEMA,
                "SELECT ON ALL TABLES IN SCHEMA public",
            ),
            "INSERT on messages",
        ),
        (
            (
                SCHEMA,
                "ALL ON ALL TABLES IN SCHEMA public",
            ),
            "USAGE on the sequence",
        ),
    ],
)
def test_a_role_that_may_not_use_the_tables(
    look: Examine, host: Host, postgres_url: str, role: Role, grants: tuple[str, ...], words: str
) -> None:
    host(DATABASE_URL=postgres_url).create_tables()
    found = look("tables", DATABASE_URL=role(*grants))["tables"]
    assert (found.state, words in found.found) == (State.WRONG, True), found
    assert "GRANT" in found.advice


def test_a_role_that_may_do_no_more_than_is_needed(
    look: Examine, host: Host, postgres_url: str, role: Role
) -> None:
    host(DATABASE_URL=postgres_url).create_tables()
    url = role(
        SCHEMA,
        "SELECT, INSERT, UPDATE ON inboxes, messages, notifications",
        "SELECT, UPDATE ON notifier_api_keys",
        "SELECT, INSERT, UPDATE, DELETE ON notifier_idempotency",
        "SELECT ON notifier_version",
        "USAGE ON ALL SEQUENCES IN SCHEMA public",
    )
    found = look(*POSTGRESQL, "tables", DATABASE_URL=url)
    # The tests' own server runs with fsync off.
    assert found.pop("durability").state is State.WARNING
    assert {one.state for one in found.values()} == {State.OK}


def test_a_sqlite_that_cannot_be_written(look: Examine, host: Host, sqlite_url: str) -> None:
    host().create_tables()
    path = sqlite_url.removeprefix("sqlite:///")
    found = look("tables", DATABASE_URL=f"sqlite:///file:{path}?mode=ro&uri=true")["tables"]
    assert (found.state, "readonly" in found.found) == (State.WRONG, True), found
