"""Many processes write to the same inboxes: nothing is skipped, miscounted or deadlocked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from sqlalchemy import insert

from notifier.database import create_engine
from notifier.models import inboxes
from notifier.operations import NewMessage
from notifier.publisher import MemoryPublisher
from notifier.stamps import LATEST
from notifier.store import Store
from tests.support import ROOT

Process = subprocess.Popen[str]


@contextmanager
def writers(
    url: str, how: str, processes: int, each: int, skews: Sequence[float] = ()
) -> Iterator[list[Process]]:
    """Start writing processes at the same moment; end them all, whatever happens."""
    started = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.contract.writer", url, how, str(each), str(n)),
                str(skews[n] if n < len(skews) else 0),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(processes)
    ]
    try:
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()[1]
        for process in started:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        yield started
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
            process.communicate()


def finish(processes: list[Process]) -> list[str]:
    """Wait for the writers; the lines they printed."""
    lines: list[str] = []
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        lines += output.splitlines()
    return lines


def follow(store: Store, processes: list[Process]) -> list[str]:
    """Poll without a pause, as the client does, until every writer has ended; the names seen."""
    seen: list[str] = []
    cursor = 0
    writing = True
    while writing:
        writing = any(process.poll() is None for process in processes)
        for event in store.since("alice", cursor):
            seen.append(event.name)
            cursor = event.stamp
    return seen


@contextmanager
def store_on(url: str) -> Iterator[Store]:
    store = Store(create_engine(url), MemoryPublisher())
    store.create_tables()
    yield store
    store.engine.dispose()


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with store_on(database_url) as store:
        yield store


@pytest.fixture
def on_postgres(postgres_url: str) -> Iterator[Store]:
    with store_on(postgres_url) as store:
        yield store


@pytest.fixture
def on_sqlite(sqlite_url: str) -> Iterator[Store]:
    with store_on(sqlite_url) as store:
        yield store


def url_of(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


@pytest.mark.parametrize("how", ["primitive", "staged"])
@pytest.mark.parametrize("skews", [(), (5.0, -5.0)], ids=["same clocks", "clocks 5 s off"])
def test_a_poller_sees_every_row_of_eight_writers(
    on_postgres: Store, how: str, skews: tuple[float, ...]
) -> None:
    with writers(url_of(on_postgres), how, processes=8, each=150, skews=skews) as processes:
        seen = follow(on_postgres, processes)
        finish(processes)
    assert len(seen) == len(set(seen)) == 1200


def test_a_wall_clock_stamp_loses_rows(on_postgres: Store) -> None:
    # A head that no cursor reaches, so that the poll never takes the cursor for a restored one.
    with on_postgres.engine.begin() as connection:
        connection.execute(insert(inboxes), {"user_id": "alice", "clock": LATEST, "unread": 0})
    with writers(url_of(on_postgres), "wall_clock", processes=8, each=150) as processes:
        seen = follow(on_postgres, processes)
        finish(processes)
    assert len(set(seen)) < 1200


@pytest.mark.parametrize("skews", [(), (5.0, -5.0)], ids=["same clocks", "clocks 5 s off"])
def test_a_poller_sees_every_row_of_four_processes_on_sqlite(
    on_sqlite: Store, skews: tuple[float, ...]
) -> None:
    with writers(url_of(on_sqlite), "primitive", processes=4, each=300, skews=skews) as processes:
        seen = follow(on_sqlite, processes)
        finish(processes)
    assert len(seen) == len(set(seen)) == 1200


@pytest.mark.parametrize("how", ["primitive+sets", "staged+sets"])
def test_overlapping_recipients_in_any_order_neither_deadlock_nor_miscount(
    store: Store, how: str
) -> None:
    with writers(url_of(store), how, processes=4, each=40) as processes:
        finish(processes)
    counts = [store.badge(f"user{n}").count for n in range(40)]
    assert sum(counts) == 4 * 40 * 20
    assert store.audit() == []


@pytest.mark.parametrize("skews", [(), (5.0, -5.0)], ids=["same clocks", "clocks 5 s off"])
def test_events_of_shared_commits_in_many_processes_form_one_chain(
    store: Store, skews: tuple[float, ...]
) -> None:
    store.commit([NewMessage(f"user{n}", "the first") for n in range(3)])
    firsts = {f"user{n}": store.badge(f"user{n}").stamp for n in range(3)}
    with writers(url_of(store), "together", processes=4, each=120, skews=skews) as processes:
        events = [json.loads(line) for line in finish(processes)]
    for user, first in firsts.items():
        chain = sorted((stamp, previous) for owner, previous, stamp in events if owner == user)
        stamps = [first, *(stamp for stamp, _ in chain)]
        assert [previous for _, previous in chain] == stamps[:-1]
    assert sum(store.badge(user).count for user in firsts) == 4 * 120 + 3
    assert store.audit() == []


def test_writers_on_an_engine_of_the_host_count_exactly_on_sqlite(on_sqlite: Store) -> None:
    users = [f"user{n}" for n in range(3)]
    on_sqlite.commit([NewMessage(user, "the first") for user in users])
    with writers(url_of(on_sqlite), "together+plain", processes=3, each=60) as processes:
        finish(processes)
    assert sum(on_sqlite.badge(user).count for user in users) == 3 * 60 + 3
    assert on_sqlite.audit() == []
