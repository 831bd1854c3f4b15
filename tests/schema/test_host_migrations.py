"""A host runs our migrations from its own Alembic environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine, inspect

from notifier.publisher import MemoryPublisher
from notifier.schema import REVISIONS, TABLES
from notifier.store import Store

ENV = """
from alembic import context
from sqlalchemy import Column, Integer, MetaData, Table, create_engine

import notifier.migrations

metadata = MetaData()
Table("orders", metadata, Column("id", Integer, primary_key=True))
engine = create_engine(context.config.get_main_option("sqlalchemy.url"))
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name={include_name},
    )
    with context.begin_transaction():
        context.run_migrations()
        {after}
engine.dispose()
"""

REVISION = """
import sqlalchemy as sa
from alembic import op

revision = "a1"
down_revision = None


def upgrade():
    {before}
    op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True))
"""

IMPORT = "import notifier.migrations; "


def host(
    folder: Path, url: str, *, env: str = "pass", revision: str = "pass", ours: bool
) -> Config:
    """An Alembic environment of a host, as its own files on disk."""
    (folder / "versions").mkdir()
    include = "notifier.migrations.include_name" if ours else "None"
    (folder / "env.py").write_text(ENV.format(after=env, include_name=include))
    (folder / "versions" / "a1_orders.py").write_text(REVISION.format(before=revision))
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("sqlalchemy.url", url)
    return config


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_from_its_env_py(tmp_path: Path, database_url: str, engine: Engine) -> None:
    config = host(tmp_path, database_url, env="notifier.migrations.upgrade(connection)", ours=True)
    for _ in range(2):
        command.upgrade(config, "head")
    assert tables(engine) == TABLES | {"orders", "alembic_version"}


def test_from_one_of_its_revisions(tmp_path: Path, database_url: str, engine: Engine) -> None:
    call = f"{IMPORT}notifier.migrations.upgrade(op.get_bind())"
    command.upgrade(host(tmp_path, database_url, revision=call, ours=True), "head")
    assert tables(engine) == TABLES | {"orders", "alembic_version"}
    assert Store(engine, MemoryPublisher()).revision() == REVISIONS[-1]


def test_its_autogenerate_leaves_our_tables_alone(tmp_path: Path, database_url: str) -> None:
    config = host(tmp_path, database_url, env="notifier.migrations.upgrade(connection)", ours=True)
    command.upgrade(config, "head")
    command.check(config)


def test_without_the_hook_it_would_drop_them(tmp_path: Path, database_url: str) -> None:
    config = host(tmp_path, database_url, env="notifier.migrations.upgrade(connection)", ours=False)
    command.upgrade(config, "head")
    with pytest.raises(CommandError, match=r"remove_table.*inboxes"):
        command.check(config)


def test_tables_of_our_names_in_other_schemas_are_the_hosts_own() -> None:
    from notifier.migrations import include_name

    assert include_name("messages", "table", {"schema_name": "crm"})
    assert include_name("orders", "table", {"schema_name": None})
    assert include_name("messages", "index", {"schema_name": None, "table_name": "orders"})
    assert not include_name("messages", "table", {"schema_name": None})
