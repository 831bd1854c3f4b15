"""Two workers behind Redis and PostgreSQL, as deployed: who is sent what, and what they show."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psutil
import pytest
import requests

from notifier import Notifier
from notifier.models import UNREAD
from tests.conftest import Serve
from tests.faults.database import Database
from tests.listener import Listener
from tests.services.postgres import Postgres
from tests.services.server import ServerProcess
from tests.services.valkey import Valkey
from tests.support import wait_until

USERS = [f"user{n}" for n in range(100)]
SENDS = 2_000


@pytest.fixture
def server(serve: Serve, valkey: Valkey, postgres_url: str, postgres: Postgres) -> ServerProcess:
    env = {"DATABASE_URL": postgres_url, "REDIS_URL": valkey.url}
    server = serve(env, workers=2)
    with closing(Database(postgres_url)) as database:
        database.empty(USERS)
    return server


@pytest.fixture
def tokens(server: ServerProcess) -> dict[str, str]:
    return dict(zip(USERS, server.flask("notifier", "token", *USERS).split(), strict=True))


@pytest.fixture
def listeners(
    server: ServerProcess, tokens: dict[str, str]
) -> Iterator[list[tuple[str, Listener]]]:
    """Two sockets of every user, opened by many clients at once."""
    with ThreadPoolExecutor(20) as pool:
        opened = list(pool.map(lambda user: (user, Listener(server.url, tokens[user])), USERS * 2))
    yield opened
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda pair: pair[1].close(), opened))


def sockets_of(pid: int, port: int) -> int:
    connections = psutil.Process(pid).net_connections("tcp")
    return sum(c.status == psutil.CONN_ESTABLISHED and c.laddr.port == port for c in connections)


def send_all(server: ServerProcess, tokens: dict[str, str]) -> None:
    """Send from 32 clients at once, each on a connection of its own."""
    recipients = [USERS[n % len(USERS)] for n in range(SENDS)]
    random.shuffle(recipients)

    def some(mine: list[str]) -> None:
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {tokens[random.choice(USERS)]}"
            for user in mine:
                answer = session.post(
                    f"{server.url}/api/v1/messages", json={"to": user, "body": "hi"}, timeout=30
                )
                assert answer.status_code == 201, answer.text

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(some, [recipients[n::32] for n in range(32)]))


def assert_never_older_after_newer(listener: Listener) -> None:
    newest: dict[str, float] = {}
    for name, timestamp, _ in listener.rule.shown:
        assert timestamp > newest.get(name, 0.0)
        newest[name] = timestamp


def assert_everyone_got_only_his_own(listeners: list[tuple[str, Listener]]) -> None:
    """Counts only rise here, so each of a user's has one stamp; somebody else's has another."""
    stamps: dict[tuple[str, int], float] = {}
    for user, listener in listeners:
        for name, data in listener.received:
            if name == UNREAD:
                assert (
                    stamps.setdefault((user, data["data"]), data["timestamp"]) == data["timestamp"]
                )


def test_every_socket_ends_at_the_databases_count(
    server: ServerProcess, tokens: dict[str, str], listeners: list[tuple[str, Listener]]
) -> None:
    spread = [sockets_of(pid, server.port) for pid in server.worker_pids()]
    assert min(spread) >= 40
    assert sum(spread) >= 200
    send_all(server, tokens)
    truth = Notifier.from_url(server.env["DATABASE_URL"])
    counts = {user: truth.unread_count(user) for user in USERS}
    truth.engine.dispose()
    assert set(counts.values()) == {SENDS // len(USERS)}
    wait_until(lambda: all(one.count == counts[user] for user, one in listeners), timeout=15)
    for _, listener in listeners:
        assert_never_older_after_newer(listener)
        assert listener.problem is None
    assert_everyone_got_only_his_own(listeners)
