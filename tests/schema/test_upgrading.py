"""Migrations end where the code begins, from whatever was there before."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Engine, Integer, MetaData, Table, inspect, text
from sqlalchemy import create_engine as create_plain_engine

import notifier.migrations
from notifier import ConfigurationError, create_engine
from notifier.migrations import upgrade
from notifier.models import metadata
from notifier.operations import MarkRead, NewMessage
from notifier.schema import REVISIONS, TABLES, VERSION_TABLE
from notifier.store import Store
from tests.schema.conftest import VERSIONS, Load
from tests.support import ROOT

NEWEST = REVISIONS[-1]


def definitions(engine: Engine) -> list[tuple[Any, ...]]:
    """Everything the database itself says about our tables."""
    catalogue = """
        SELECT table_name, column_name, data_type, character_maximum_length, is_nullable,
               column_default, collation_name
        FROM information_schema.columns WHERE table_schema = current_schema()
        UNION ALL SELECT tablename, indexname, indexdef, 0, '', '', ''
        FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1, 2"""
    if engine.dialect.name == "sqlite":
        catalogue = "SELECT tbl_name, name, sql FROM sqlite_schema ORDER BY 1, 2"
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.exec_driver_sql(catalogue)]
    return [row for row in rows if row[0] != VERSION_TABLE]


def columns(engine: Engine, table: str) -> set[str]:
    return {column["name"] for column in inspect(engine).get_columns(table)}


def test_every_revision_is_known_without_alembic() -> None:
    scripts = ScriptDirectory(Path(notifier.migrations.__file__).parent)
    assert [one.revision for one in scripts.walk_revisions()] == [*reversed(REVISIONS)]


def test_workers_do_not_load_alembic() -> None:
    """Nothing but the migrations imports it, and nothing imports those when it is imported."""
    loads = re.compile(r"^(from|import) (alembic|notifier\.migrations|\.+migrations)", re.MULTILINE)
    found = {path for path in (ROOT / "notifier").rglob("*.py") if loads.search(path.read_text())}
    migrations = Path(notifier.migrations.__file__).parent
    assert found
    assert [path for path in found if migrations not in path.parents] == []


def test_migrations_leave_nothing_for_autogenerate(store: Store) -> None:
    store.create_tables()
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []


def test_migrations_make_what_the_models_say_to_the_letter(store: Store) -> None:
    metadata.create_all(store.engine)
    expected = definitions(store.engine)
    metadata.drop_all(store.engine)
    store.create_tables()
    assert expected
    assert definitions(store.engine) == expected


def test_an_upgrade_says_from_where_to_where(store: Store) -> None:
    assert store.create_tables() == (None, NEWEST)
    assert store.create_tables() == (NEWEST, NEWEST)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_released_database_is_upgraded_with_its_data(
    store: Store, load: Load, version: str
) -> None:
    load(version)
    store.create_tables()
    assert store.revision() == NEWEST
    assert store.audit() == []
    shown = [(one.body, one.sender, one.read) for one in store.list_messages("alice")]
    assert shown[:2] == [("third", "bob", False), ("It's here: naïve ☃\nline two", None, False)]
    assert shown[2] == ("Your order left.", "shop", True)
    assert [one.data for one in store.since("alice", 0)] == [2, {"n": [1, None, "x"]}]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_upgraded_database_equals_a_new_one(
    store: Store, load: Load, version: str, engine: Engine
) -> None:
    load(version)
    store.create_tables()
    upgraded = definitions(engine)
    everything = MetaData()
    everything.reflect(engine)
    everything.drop_all(engine)
    store.create_tables()
    assert upgraded == definitions(engine)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_upgraded_database_is_written_to_as_before(
    store: Store, load: Load, version: str
) -> None:
    load(version)
    store.create_tables()
    [sent] = store.commit([NewMessage("日本", "again")]).messages
    store.commit([MarkRead("alice", up_to=store.badge("alice").stamp)])
    assert sent.id == 6
    assert (store.audit(), store.badge("日本").count) == ([], 2)


def test_a_stopped_upgrade_goes_on_where_it_was(store: Store) -> None:
    with store.engine.begin() as connection:
        assert upgrade(connection, "0001") == (None, "0001")
    assert "notifier_api_keys" not in inspect(store.engine).get_table_names()
    assert store.create_tables() == ("0001", NEWEST)


def test_tables_made_by_metadata_are_taken_over(store: Store) -> None:
    metadata.create_all(store.engine)
    assert store.create_tables() == (None, NEWEST)


def test_a_missing_index_is_made(store: Store, load: Load) -> None:
    load("0.1")
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX messages_unread")
    store.create_tables()
    assert "messages_unread" in {
        one["name"] for one in inspect(store.engine).get_indexes("messages")
    }


@pytest.mark.parametrize("name", ["messages", "notifications", "notifier_idempotency"])
def test_a_table_of_somebody_else_is_named_and_nothing_is_changed(store: Store, name: str) -> None:
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {name} (id INTEGER, subject TEXT)")
    with pytest.raises(ConfigurationError, match=f"'{name}'.*columns id, subject.*Nothing"):
        store.create_tables()
    assert inspect(store.engine).get_table_names() == [name]
    assert columns(store.engine, name) == {"id", "subject"}


def test_a_table_of_somebody_else_stops_a_later_upgrade_too(store: Store, load: Load) -> None:
    load("0.1")
    with store.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE notifier_idempotency (id INTEGER)")
    with pytest.raises(ConfigurationError, match="notifier_idempotency"):
        store.create_tables()
    assert "notifier_api_keys" not in inspect(store.engine).get_table_names()


def test_a_newer_database_is_refused(store: Store) -> None:
    store.create_tables()
    with store.engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(ConfigurationError, match="9999, newer than this version"):
        store.create_tables()


def test_tables_of_the_app_are_made_in_the_same_breath(store: Store) -> None:
    orders = MetaData()
    Table("orders", orders, Column("id", Integer, primary_key=True))
    store.create_tables([orders])
    assert "orders" in inspect(store.engine).get_table_names()


@pytest.mark.parametrize("make", [create_engine, create_plain_engine], ids=["ours", "plain"])
def test_an_upgrade_joins_the_transaction_of_the_host(
    database_url: str, make: Callable[[str], Engine]
) -> None:
    # Python's own driver for SQLite begins no transaction before a CREATE.
    engine = make(database_url)
    with engine.connect() as connection, connection.begin() as transaction:
        upgrade(connection)
        transaction.rollback()
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_an_upgrade_without_a_transaction_commits_its_own(engine: Engine) -> None:
    with engine.connect() as connection:
        upgrade(connection)
    assert set(inspect(engine).get_table_names()) >= TABLES


def test_autocommit_is_refused(postgres_url: str) -> None:
    engine = create_plain_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, pytest.raises(ConfigurationError, match="AUTOCOMMIT"):
        upgrade(connection)
    engine.dispose()


def test_a_schema_of_its_own_evades_a_foreign_table(postgres_url: str) -> None:
    plain = create_plain_engine(postgres_url)
    with plain.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE messages (id INTEGER); CREATE SCHEMA notes")
    own = create_plain_engine(f"{postgres_url}?options=-csearch_path%3Dnotes")
    with own.begin() as connection:
        upgrade(connection)
    assert set(inspect(plain).get_table_names("notes")) == TABLES
    assert inspect(plain).get_table_names() == ["messages"]
    own.dispose()
    plain.dispose()


def test_processes_that_upgrade_at_once_all_succeed(database_url: str, engine: Engine) -> None:
    code = (
        "import sys; from notifier import create_engine; from notifier.store import Store;"
        "from notifier.publisher import MemoryPublisher; import notifier.migrations;"
        "store = Store(create_engine(sys.argv[1]), MemoryPublisher());"
        "print('ready', flush=True); sys.stdin.readline(); print(store.create_tables().before)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, database_url],
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    assert [one.stdout and one.stdout.readline() for one in started] == ["ready\n"] * 2
    for one in started:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.communicate(timeout=60)[0] for one in started]
    assert sorted(said) == [f"{NEWEST}\n", "None\n"]
