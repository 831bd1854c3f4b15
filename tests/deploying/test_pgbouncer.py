"""PgBouncer with transaction pooling, configured as docs/scaling.md has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from notifier import Notifier
from notifier.doctor.checks import CHECKS
from notifier.doctor.report import State
from notifier.doctor.running import examine
from notifier.doctor.site import Site
from tests.deploying.conftest import adapted, program
from tests.doctor.conftest import Host, host  # noqa: F401 -- a fixture
from tests.services.postgres import Postgres, account
from tests.services.process import Process, Reaper
from tests.support import free_port, wait_until

CONNECTIONS = 3  # to PostgreSQL, for many more to PgBouncer
USERS = [f"user{n}" for n in range(5)]


@pytest.fixture
def pooled_url(
    service_dir: Path, reaper: Reaper, postgres: Postgres, postgres_url: str
) -> Iterator[str]:
    """The URL of an empty database, through PgBouncer."""
    port, folder = free_port(), service_dir / "pgbouncer"
    folder.mkdir(exist_ok=True)
    file, name = folder / f"{port}.ini", postgres_url.rpartition("/")[2]
    changes = {
        "port=5432 dbname=notifier": f"port={postgres.port} dbname={name} user=postgres",
        "notifier = host": f"{name} = host",
        "6432": str(port),
        "scram-sha-256": "any",
        "auth_file = /etc/pgbouncer/userlist.txt": "unix_socket_dir =",
        "default_pool_size = 20": f"default_pool_size = {CONNECTIONS}",
        # Threads of this test share two cores with everything else.
        "query_wait_timeout = 1": "query_wait_timeout = 20",
    }
    file.write_text(adapted("pgbouncer.ini", changes))
    owner = account()
    process = Process(
        [program("pgbouncer"), str(file)],
        reaper=reaper,
        log=folder.with_suffix(".log"),
        user=owner.user,
        group=owner.group,
    )
    url = postgres_url.replace(str(postgres.port), str(port))
    yield url
    process.stop()


def connected(make: Callable[..., Notifier], url: str) -> Notifier:
    """An app on the pooled database, once PgBouncer is up."""
    notifier = make(DATABASE_URL=url, NOTIFIER_POOL_SIZE=16, NOTIFIER_ANSWER_TIMEOUT=20)
    site = Site(notifier, workers=1)
    database = [check for check in CHECKS if check.name == "database"]
    wait_until(lambda: next(examine(site, database)).result.state is State.OK)
    return notifier


def test_every_promise_of_the_database_holds(host: Host, pooled_url: str) -> None:  # noqa: F811
    notifier = connected(host, pooled_url)
    notifier.create_tables()

    def work(n: int) -> None:
        with notifier.transaction():
            notifier.send(USERS, f"message {n}")
        notifier.badge(USERS[n % len(USERS)])

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(60)))
    assert [notifier.unread_count(user) for user in USERS] == [60] * len(USERS)
    assert notifier.audit() == []


def test_the_doctor_finds_nothing_wrong_with_it(host: Host, pooled_url: str) -> None:  # noqa: F811
    notifier = connected(host, pooled_url)
    notifier.create_tables()
    site = Site(notifier, workers=100)
    names = ("database", "tables", "clock", "primary", "isolation", "connections")
    found = {
        one.check: one.result
        for one in examine(site, [check for check in CHECKS if check.name in names])
    }
    assert {one.state for one in found.values()} == {State.OK}, found
    assert "pooler" in found["connections"].found
