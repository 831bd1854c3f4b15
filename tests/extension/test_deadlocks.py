"""Overlapping recipients in any order, between the host's own locks, on PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from notifier import Notifier
from tests.extension.transfers import ACCOUNTS, USERS
from tests.services.server import clean_environment
from tests.support import ROOT

PROCESSES = 4
# Enough for some dozens of deadlocks where locks are taken in the order given.
EACH = 30


@pytest.fixture
def notifier(postgres_url: str) -> Iterator[Notifier]:
    notifier = Notifier.from_url(postgres_url)
    notifier.create_tables()
    with notifier.transaction() as session:
        session.execute(text("CREATE TABLE accounts (id int PRIMARY KEY, balance int)"))
        fill = text("INSERT INTO accounts SELECT n, 0 FROM generate_series(0, :last) AS n")
        session.execute(fill, {"last": ACCOUNTS - 1})
        # Half of them have an inbox already.
        notifier.send(USERS[::2], "hi")
    yield notifier
    notifier.engine.dispose()


def ends(notifier: Notifier, how: str) -> dict[str, int]:
    """How the transactions of all processes ended, which began together."""
    url = notifier.engine.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-m", "tests.extension.transfers", url, how, str(EACH), str(PROCESSES)],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_our_locks_add_no_deadlock_whatever_the_host_locks(notifier: Notifier) -> None:
    assert ends(notifier, "ours") == {"done": PROCESSES * EACH}
    assert notifier.audit() == []


def test_locks_in_the_order_given_do_deadlock(notifier: Notifier) -> None:
    with notifier.transaction():
        notifier.send(USERS, "hi")
    assert ends(notifier, "careless")["deadlock"] > 0
