"""The deployed app without its database: a 503 soon, sockets that stay, and then all is right."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
import pytest
import requests

from notifier.web.tokens import Tokens
from tests.conftest import Serve
from tests.faults.background import Background
from tests.faults.calls import PASSWORD, SOON, bearer, send
from tests.faults.proxy import Proxy
from tests.listener import Listener, Refused
from tests.services.postgres import Postgres
from tests.services.process import Reaper
from tests.services.server import SECRET_KEY, ServerProcess
from tests.services.valkey import Valkey
from tests.support import wait_until

POOL = 3

Fault = Callable[[Proxy], None]


def gone(proxy: Proxy) -> None:
    proxy.refuse()
    proxy.cut()


def silent(proxy: Proxy) -> None:
    proxy.black_hole()


FAULTS = [gone, silent]


@pytest.fixture(scope="module")
def proxy(postgres: Postgres) -> Iterator[Proxy]:
    background = Background()
    proxy = Proxy(background, postgres.port)
    yield proxy
    proxy.close()
    background.close()


@pytest.fixture(scope="module")
def database(postgres: Postgres) -> Iterator[str]:
    """The URL of the server's database, without the proxy."""
    url = postgres.fresh_database()
    yield url
    postgres.return_database(url)


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory,
    reaper: Reaper,
    valkey: Valkey,
    postgres: Postgres,
    database: str,
    proxy: Proxy,
) -> Iterator[ServerProcess]:
    folder: Path = tmp_path_factory.mktemp("database-down")
    env = {
        "DATABASE_URL": database.replace(f":{postgres.port}/", f":{proxy.port}/"),
        "REDIS_URL": valkey.url,
        "NOTIFIER_CHANNEL": folder.name,
        "NOTIFIER_POOL_SIZE": str(POOL),
    }
    server = ServerProcess(folder, reaper, env=env)
    server.flask("notifier", "init-db")
    server.flask("notifier", "create-user", "alice", "--password", PASSWORD)
    server.start("/readyz")
    yield server
    server.close()


@pytest.fixture(autouse=True)
def healed(server: ServerProcess, proxy: Proxy) -> Iterator[None]:
    yield
    proxy.heal()
    wait_until(lambda: server.answers("/readyz"), message="the server is ready again")
    wait_until(
        lambda: server.output().count("cannot serve") == server.output().count("serves again"),
        message="the end of the outage is logged",
    )


@pytest.fixture
def browser(server: ServerProcess) -> Iterator[requests.Session]:
    """Alice's, signed in."""
    with requests.Session() as session:
        page = session.get(f"{server.url}/login", timeout=10).text
        csrf = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
        form = {"username": "alice", "password": PASSWORD, "csrf_token": csrf}
        assert session.post(f"{server.url}/login", data=form, timeout=10).ok
        yield session


CALLS = {
    "poll": ("GET", "/notifications", None),
    "list": ("GET", "/api/v1/messages", None),
    "send": ("POST", "/api/v1/messages", {"to": "alice", "body": "hi"}),
    "read": ("POST", "/api/v1/messages/read", {"up_to": 1.0}),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_every_call_gets_a_503_soon(
    server: ServerProcess, proxy: Proxy, fault: Fault, call: str
) -> None:
    method, path, body = CALLS[call]
    fault(proxy)
    answer = requests.request(method, server.url + path, json=body, headers=bearer(), timeout=SOON)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"].startswith("The database cannot serve")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", ["/messages", "/login", "/messages/new"])
def test_every_page_says_so_soon(
    server: ServerProcess, proxy: Proxy, browser: requests.Session, fault: Fault, path: str
) -> None:
    fault(proxy)
    answer = browser.get(server.url + path, timeout=SOON)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "The database cannot serve at the moment" in answer.text


@pytest.mark.parametrize("fault", FAULTS)
def test_a_crowd_gets_its_503_as_soon(server: ServerProcess, proxy: Proxy, fault: Fault) -> None:
    fault(proxy)
    assert crowd(server) == {503}


def crowd(server: ServerProcess, timeout: float = SOON) -> set[int]:
    """The statuses of more sends at once than there are connections."""
    with ThreadPoolExecutor(5 * POOL) as pool:
        sent = pool.map(lambda _: send(server, timeout), range(5 * POOL))
        return {one.status_code for one in sent}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_process_lives_and_is_not_ready(
    server: ServerProcess, proxy: Proxy, fault: Fault
) -> None:
    fault(proxy)
    answer = requests.get(f"{server.url}/readyz", timeout=SOON)
    assert (answer.status_code, answer.json()["database"]) == (503, "unreachable")
    assert server.answers("/healthz")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_socket_stays_and_is_right_afterwards(
    server: ServerProcess, database: str, proxy: Proxy, fault: Fault
) -> None:
    listener = Listener(server.url, Tokens([SECRET_KEY], 600).make("alice"))
    wait_until(lambda: listener.received, message="the first head")
    fault(proxy)
    assert send(server).status_code == 503
    proxy.heal()
    wait_until(lambda: send(server).status_code == 201, message="sends are taken again")
    truth = number(database, "SELECT count(*) FROM messages WHERE read_at IS NULL")
    wait_until(lambda: listener.count == truth, message=f"the badge shows {truth}")
    assert listener.problem is None
    listener.close()


def number(url: str, query: str) -> int:
    with contextlib.closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection:
        cursor = connection.cursor()
        cursor.execute(query)
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def test_a_socket_that_comes_meanwhile_is_told_later(server: ServerProcess, proxy: Proxy) -> None:
    assert send(server).status_code == 201
    gone(proxy)
    assert send(server).status_code == 503
    listener = Listener(server.url, Tokens([SECRET_KEY], 600).make("alice"))
    proxy.heal()
    wait_until(lambda: listener.received, message="the head, from the sweep")
    listener.close()


def test_a_browser_that_comes_meanwhile_is_asked_to_come_again(
    server: ServerProcess, proxy: Proxy, browser: requests.Session
) -> None:
    gone(proxy)
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    with pytest.raises(Refused, match="unavailable"):
        Listener(server.url, None, cookie=cookie)


def test_one_line_tells_of_the_beginning_and_one_of_the_end(
    server: ServerProcess, proxy: Proxy
) -> None:
    before = len(server.output())
    gone(proxy)
    for _ in range(5):
        assert send(server).status_code == 503
    proxy.heal()
    wait_until(lambda: "serves again after" in server.output()[before:])
    lines = server.output()[before:]
    assert (lines.count("cannot serve"), lines.count("serves again")) == (1, 1)
    assert "Traceback" not in lines


# -- a database that lives, but has no place or no time ---------------------------------------


def test_sockets_hold_no_connections(
    server: ServerProcess, postgres: Postgres, database: str
) -> None:
    token = Tokens([SECRET_KEY], 600).make
    held = [Listener(server.url, token(f"user{n}")) for n in range(10 * POOL)]
    wait_until(lambda: all(listener.received for listener in held), message="every head")
    assert send(server).status_code == 201
    name = database.rpartition("/")[2]
    used = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"
    assert number(postgres.url, used) <= POOL
    for listener in held:
        listener.close()


def test_an_exhausted_pool_is_a_503_and_no_hang(server: ServerProcess, database: str) -> None:
    assert send(server).status_code == 201
    holder = psycopg2.connect(database.replace("+psycopg2", ""))
    holder.cursor().execute("SELECT * FROM inboxes FOR UPDATE")
    # Who leads a batch waits for a connection, then for one of his own, then for the lock: 4.4 s.
    statuses = crowd(server, timeout=2 * SOON)
    holder.rollback()
    holder.close()
    assert statuses == {503}
    wait_until(lambda: send(server).status_code == 201)


def test_a_database_without_tables_is_a_fault_that_says_what_to_do(
    serve: Serve, postgres_url: str
) -> None:
    server = serve({"DATABASE_URL": postgres_url}, init_db=False)
    answer = send(server)
    assert (answer.status_code, "Retry-After" in answer.headers) == (500, False)
    assert requests.get(f"{server.url}/readyz", timeout=SOON).json()["database"] == "unprepared"
    assert server.output().count("Run `flask notifier init-db`") == 1
