"""What a database can have wrong with it, each fault caused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Column, Integer, MetaData, NullPool, Table, text

from notifier import create_engine
from notifier.doctor import database
from notifier.doctor.report import State
from notifier.doctor.site import Site
from tests.doctor.conftest import Examine, Host
from tests.services import postgres as service
from tests.services.postgres import Postgres
from tests.services.process import Reaper
from tests.support import free_port

POSTGRESQL = ("database", "primary", "durability", "isolation", "connections", "clock")


def test_a_database_that_is_not_there(look: Examine) -> None:
    url = f"postgresql://me:hunter2@127.0.0.1:{free_port()}/none"
    found = look("database", "tables", DATABASE_URL=url)
    assert found["database"].state is State.WRONG
    assert "hunter2" not in found["database"].found
    assert found["tables"].state is State.SKIPPED


def test_tables_that_were_never_made(look: Examine) -> None:
    found = look("tables")["tables"]
    assert found.state is State.WRONG
    assert "inboxes" in found.found
    assert "init-db" in found.advice


def test_tables_that_are_there(look: Examine, host: Host, database_url: str) -> None:
    host(DATABASE_URL=database_url).create_tables()
    assert look("tables", DATABASE_URL=database_url)["tables"].state is State.OK


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("DROP TABLE notifications", "notifications"),
        ("ALTER TABLE messages DROP COLUMN sender_id", "messages.sender_id"),
        ("DROP INDEX messages_newest", "index messages_newest"),
        ("UPDATE notifier_version SET version_num = '0001'", "revision 0001"),
        ("DROP TABLE notifier_version", "revision None"),
    ],
)
def test_tables_that_are_missing_or_old(look: Examine, host: Host, fault: str, words: str) -> None:
    notifier = host()
    notifier.create_tables()
    with notifier.engine.begin() as connection:
        connection.execute(text(fault))
    found = look("tables")["tables"]
    assert found.state is State.WRONG
    assert words in found.found


def test_tables_of_the_host_are_looked_for_in_their_schemas(host: Host, postgres_url: str) -> None:
    metadata = MetaData()
    Table("orders", metadata, Column("id", Integer), schema="shop")
    Table("users", metadata, Column("id", Integer), schema="nowhere")
    notifier = host(DATABASE_URL=postgres_url)
    notifier.create_tables()
    notifier.register_tables(metadata)
    with notifier.engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA shop"))
        connection.execute(text("CREATE TABLE shop.orders (id integer)"))
    missing = database.tables(Site(notifier)).found
    assert missing == "missing in the database: nowhere.users"


def test_a_table_in_another_schema_is_missing_in_the_default_one(host: Host) -> None:
    notifier = host()
    notifier.create_tables()
    metadata = MetaData()
    Table("messages", metadata, Column("id", Integer), schema="attached")
    Table("messages", metadata, Column("id", Integer), schema="main")
    notifier.register_tables(metadata)
    missing = database.tables(Site(notifier)).found
    assert missing == "missing in the database: attached.messages"


def test_tables_of_a_newer_release(look: Examine, host: Host) -> None:
    notifier = host()
    notifier.create_tables()
    with notifier.engine.begin() as connection:
        connection.execute(text("UPDATE notifier_version SET version_num = '9999'"))
    assert look("tables")["tables"].state is State.WARNING


def test_sqlite_as_it_should_be(look: Examine) -> None:
    assert look("transactions")["transactions"].state is State.OK


def test_sqlite_whose_transactions_begin_too_late(look: Examine, sqlite_url: str) -> None:
    plain = sqlalchemy.create_engine(sqlite_url)
    found = look("transactions", engine=plain)["transactions"]
    assert found.state is State.WARNING
    assert "without the write lock" in found.found


def test_sqlite_in_memory(look: Examine) -> None:
    found = look("transactions", engine=create_engine("sqlite://"))["transactions"]
    assert found.state is State.WRONG


def test_postgresql_as_it_should_be(look: Examine, postgres_url: str) -> None:
    found = look(*POSTGRESQL, DATABASE_URL=postgres_url)
    # The tests' own server runs with fsync off.
    assert "fsync" in found.pop("durability").found
    assert {one.state for one in found.values()} == {State.OK}


@pytest.mark.parametrize(
    ("check", "setting", "words"),
    [
        ("durability", "synchronous_commit = off", "synchronous_commit"),
        ("isolation", "default_transaction_isolation = 'repeatable read'", "REPEATABLE READ"),
    ],
)
def test_a_setting_of_postgresql(
    look: Examine, postgres: Postgres, postgres_url: str, check: str, setting: str, words: str
) -> None:
    postgres.execute(f"ALTER DATABASE {postgres_url.rpartition('/')[2]} SET {setting}")
    found = look(check, DATABASE_URL=postgres_url)[check]
    assert found.state is State.WARNING
    assert words in found.found


@pytest.mark.parametrize(("pool", "state"), [(95, State.WARNING), (120, State.WRONG)])
def test_more_connections_than_the_server_has(
    look: Examine, postgres_url: str, pool: int, state: State
) -> None:
    found = look("connections", workers=2, DATABASE_URL=postgres_url, NOTIFIER_POOL_SIZE=pool)
    assert found["connections"].state is state


def test_a_limit_of_the_database_itself(
    look: Examine, postgres: Postgres, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    postgres.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 5")
    found = look("connections", DATABASE_URL=postgres_url)["connections"]
    postgres.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
    assert found.state is State.WRONG


@pytest.mark.parametrize(
    ("options", "state"),
    [
        ({"pool_size": 60, "max_overflow": 60}, State.WRONG),
        ({"pool_size": 5, "max_overflow": 10}, State.OK),
        ({"pool_size": 5, "max_overflow": -1}, State.WARNING),
        ({"poolclass": NullPool}, State.WARNING),
    ],
)
def test_the_pool_of_the_hosts_engine_is_what_counts(
    look: Examine, postgres_url: str, options: dict[str, Any], state: State
) -> None:
    engine = sqlalchemy.create_engine(postgres_url, **options)
    found = look("connections", workers=2, engine=engine)["connections"]
    assert (found.state, "NOTIFIER_POOL_SIZE" in found.found) == (state, False), found


@pytest.mark.parametrize(("seconds", "state"), [(3, State.WARNING), (-60, State.WRONG)])
def test_a_database_whose_clock_is_wrong(
    look: Examine, postgres: Postgres, postgres_url: str, seconds: int, state: State
) -> None:
    name = postgres_url.rpartition("/")[2]
    postgres.execute(
        "CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
        f"$$ SELECT pg_catalog.clock_timestamp() + interval '{seconds} s' $$",
        database=name,
    )
    postgres.execute(f"ALTER DATABASE {name} SET search_path = public, pg_catalog")
    found = look("clock", DATABASE_URL=postgres_url)["clock"]
    assert found.state is state
    assert f"{abs(seconds)}.0 s {'behind' if seconds > 0 else 'ahead of'}" in found.found


class Standby(Postgres):
    """A server that waits for the log of a primary, and answers questions meanwhile."""

    def _initdb(self, data: Path) -> None:
        super()._initdb(data)
        (data / "standby.signal").touch()


@pytest.fixture(scope="module")
def standby(service_dir: Path, reaper: Reaper) -> Iterator[Standby]:
    settings = {**service.SETTINGS, "wal_level": "replica", "max_wal_senders": "10"}
    folder = service_dir / "standby"
    folder.mkdir()
    server = Standby(folder, reaper)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(service, "SETTINGS", settings)
        server.start()
    yield server
    server.stop()


def test_a_standby(look: Examine, standby: Standby) -> None:
    found = look("database", "primary", DATABASE_URL=standby.url)
    assert found["primary"].state is State.WRONG
    assert "primary" in found["primary"].advice


def test_of_several_hosts_the_primary_is_found(
    look: Examine, standby: Standby, postgres: Postgres
) -> None:
    hosts = "&".join(f"host=127.0.0.1:{one.port}" for one in (standby, postgres))
    url = f"postgresql://postgres@/postgres?{hosts}&target_session_attrs=read-write"
    assert look("database", "primary", DATABASE_URL=url)["primary"].state is State.OK
