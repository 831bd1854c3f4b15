"""The servers that other tests lean on do what they promise."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
from playwright.sync_api import Browser

from tests.services.postgres import Postgres
from tests.services.process import Process, Reaper
from tests.services.valkey import Valkey
from tests.support import free_port, wait_until


def answers(server: Valkey) -> bool:
    with server.client(timeout=0.3) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def table_names(url: str) -> list[str]:
    engine = sa.create_engine(url)
    try:
        return sa.inspect(engine).get_table_names()
    finally:
        engine.dispose()


def create_table(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE here (x INTEGER)"))
    engine.dispose()


def test_valkey_answers_on_its_port_and_on_its_socket(valkey: Valkey) -> None:
    with valkey.client() as tcp, redis.Redis.from_url(valkey.socket_url) as unix:
        tcp.set("through", "tcp")
        assert unix.get("through") == b"tcp"


def test_a_stopped_valkey_refuses_and_a_started_one_is_back_on_its_port(
    fresh_valkey: Valkey,
) -> None:
    port = fresh_valkey.port
    fresh_valkey.stop()
    assert not answers(fresh_valkey)
    fresh_valkey.start()
    assert answers(fresh_valkey)
    assert fresh_valkey.port == port


def test_a_killed_valkey_can_be_started_again(fresh_valkey: Valkey) -> None:
    fresh_valkey.kill()
    assert not answers(fresh_valkey)
    fresh_valkey.start()
    assert answers(fresh_valkey)


def test_a_frozen_valkey_keeps_its_connections_and_answers_nothing(fresh_valkey: Valkey) -> None:
    with fresh_valkey.client(timeout=0.3) as client:
        client.ping()
        fresh_valkey.freeze()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        fresh_valkey.thaw()
        assert wait_until(lambda: answers(fresh_valkey))


def test_a_frozen_valkey_can_be_stopped(fresh_valkey: Valkey) -> None:
    fresh_valkey.freeze()
    fresh_valkey.stop()
    assert not answers(fresh_valkey)


def test_two_valkeys_share_nothing(valkey: Valkey, fresh_valkey: Valkey) -> None:
    with valkey.client() as one, fresh_valkey.client() as other:
        one.set("mine", "1")
        assert other.get("mine") is None


def test_a_fresh_database_is_empty(database_url: str) -> None:
    assert table_names(database_url) == []


def test_fresh_databases_are_apart(postgres: Postgres) -> None:
    one, other = postgres.fresh_database(), postgres.fresh_database()
    create_table(one)
    assert table_names(one) == ["here"]
    assert table_names(other) == []
    postgres.return_database(one)
    postgres.return_database(other)


def test_a_returned_database_is_empty_again_though_it_was_in_use(postgres: Postgres) -> None:
    url = postgres.fresh_database()
    create_table(url)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        connection.execute(sa.text("LOCK TABLE here"))
        postgres.return_database(url)
        connection.invalidate()
    engine.dispose()
    assert postgres.fresh_database() == url
    assert table_names(url) == []
    postgres.return_database(url)


def test_postgres_is_a_supported_version_with_room_for_many(postgres: Postgres) -> None:
    engine = sa.create_engine(postgres.url)
    with engine.connect() as connection:
        assert int(connection.scalar(sa.text("SHOW server_version_num")) or 0) >= 150_000
        assert connection.scalar(sa.text("SHOW max_connections")) == "200"
        assert connection.scalar(sa.text("SHOW synchronous_commit")) == "on"
    engine.dispose()


def test_free_ports_are_outside_the_ephemeral_range() -> None:
    assert all(20_000 <= free_port() < 32_000 for _ in range(20))


def test_the_reaper_ends_what_a_killed_run_leaves_behind(tmp_path: Path) -> None:
    reaper = Reaper()
    left = Process(["sleep", "60"], reaper=reaper, log=tmp_path / "log")
    reaper.let_go()
    wait_until(lambda: not left.running, message="the reaper ended the process")
    reaper.close()


def test_the_browser_renders(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<title>hello</title>")
    assert page.title() == "hello"
    page.close()
