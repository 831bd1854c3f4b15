"""Idempotent requests across real worker processes, of which one may die."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager

import psutil
import pytest
import requests
from requests import Session
from sqlalchemy import Engine, insert, text

from notifier import Notifier
from notifier.apikeys import ApiKeys
from notifier.app.users import User
from tests.conftest import Serve
from tests.services.server import ServerProcess
from tests.support import wait_until

AT_ONCE = 50

# Whoever inserts a message stays in the statement while there is a row in `stalled`.
STALL = """
CREATE TABLE stalled (since timestamptz DEFAULT now());
INSERT INTO stalled DEFAULT VALUES;
CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  WHILE EXISTS (SELECT FROM stalled) LOOP PERFORM pg_sleep(0.01); END LOOP;
  RETURN NEW;
END $$;
CREATE TRIGGER stall BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION stall();
"""
STALLED = "SELECT client_port FROM pg_stat_activity WHERE wait_event = 'PgSleep'"


class Shop:
    """A program with a key, on a server's database."""

    def __init__(self, url: str) -> None:
        self.notifier = Notifier.from_url(url)
        with self.engine.begin() as connection:
            connection.execute(
                insert(User), {"username": "alice", "password_hash": "", "nonce": ""}
            )
        self._bearer = {"Authorization": f"Bearer {ApiKeys(lambda: self.engine).make('shop')}"}

    @property
    def engine(self) -> Engine:
        return self.notifier.engine

    def send(self, server: ServerProcess, session: Session) -> requests.Response:
        headers = {**self._bearer, "Idempotency-Key": "once"}
        content = {"to": "alice", "body": "hi"}
        return session.post(
            f"{server.url}/api/v1/messages", json=content, headers=headers, timeout=30
        )

    def close(self) -> None:
        self.engine.dispose()


@pytest.fixture
def shop(servers: list[ServerProcess]) -> Iterator[Shop]:
    with closing(Shop(servers[0].env["DATABASE_URL"])) as shop:
        yield shop


@pytest.fixture(params=["two workers on PostgreSQL", "two servers on one SQLite file"])
def servers(request: pytest.FixtureRequest, serve: Serve) -> list[ServerProcess]:
    if "SQLite" in request.param:
        return [serve(prepared(request.getfixturevalue("sqlite_url")), init_db=False) for _ in "12"]
    settings = prepared(request.getfixturevalue("postgres_url"))
    return [serve({**settings, "NOTIFIER_ANSWER_TIMEOUT": "20"}, workers=2, init_db=False)]


def prepared(url: str) -> dict[str, str]:
    """Make the tables, sooner than a process of its own would."""
    notifier = Notifier.from_url(url)
    notifier.register_tables(User.metadata)
    notifier.create_tables()
    notifier.engine.dispose()
    return {"DATABASE_URL": url}


@contextmanager
def alone(server: ServerProcess, pid: int) -> Iterator[None]:
    """Only this worker accepts connections: whose they are would be chance otherwise."""
    others = [other for other in server.worker_pids() if other != pid]
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)


@pytest.fixture
def sessions(servers: list[ServerProcess]) -> Iterator[list[tuple[ServerProcess, Session]]]:
    """Open connections, as many to each of two workers."""
    opened: list[tuple[ServerProcess, Session]] = []
    for server, pid in [(one, pid) for one in servers for pid in one.worker_pids()]:
        with alone(server, pid):
            for _ in range(AT_ONCE // 2):
                opened.append((server, Session()))
                opened[-1][1].get(f"{server.url}/healthz", timeout=30)
            assert connections_of(pid, server.port) >= AT_ONCE // 2
    assert len(opened) == AT_ONCE
    yield opened
    for _, session in opened:
        session.close()


def connections_of(pid: int, port: int) -> int:
    open_ones = psutil.Process(pid).net_connections("tcp")
    return sum(c.status == psutil.CONN_ESTABLISHED and c.laddr.port == port for c in open_ones)


def test_fifty_at_once_write_once_and_get_one_answer(
    sessions: list[tuple[ServerProcess, Session]], shop: Shop
) -> None:
    together = threading.Barrier(AT_ONCE)

    def one(pair: tuple[ServerProcess, Session]) -> requests.Response:
        together.wait(30)
        return shop.send(*pair)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(one, sessions))
    assert {(answer.status_code, answer.text) for answer in answers} == {(201, answers[0].text)}
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    ids = [message["id"] for message in answers[0].json()["messages"]]
    assert [one.id for one in shop.notifier.list_messages("alice")] == ids


def worker_with_port(server: ServerProcess, port: int) -> int:
    for pid in server.worker_pids():
        if any(c.laddr.port == port for c in psutil.Process(pid).net_connections("tcp")):
            return pid
    raise AssertionError(f"no worker has port {port}")


@pytest.mark.parametrize("servers", ["two workers on PostgreSQL"], indirect=True)
def test_a_request_whose_worker_died_can_be_repeated_and_writes_once(
    servers: list[ServerProcess], shop: Shop
) -> None:
    [server] = servers
    with ExitStack() as stack:
        session = stack.enter_context(Session())
        watcher = stack.enter_context(
            shop.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        )
        pool = stack.enter_context(ThreadPoolExecutor(1))
        watcher.execute(text(STALL))
        dying = pool.submit(shop.send, server, stack.enter_context(Session()))
        port = wait_until(lambda: watcher.execute(text(STALLED)).scalar())
        server.kill_worker(worker_with_port(server, int(port)))
        assert isinstance(dying.exception(), requests.ConnectionError)
        # Its transaction is still open, so nobody can tell yet.
        busy = shop.send(server, session)
        assert (busy.status_code, busy.headers["Retry-After"]) == (409, "1")
        watcher.execute(text("DELETE FROM stalled"))
        answer = wait_until(lambda: (a := shop.send(server, session)).status_code != 409 and a)
    assert answer.status_code == 201
    assert "Idempotency-Replayed" not in answer.headers
    assert shop.notifier.unread_count("alice") == len(shop.notifier.list_messages("alice")) == 1
