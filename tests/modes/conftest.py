"""A server for each mode that the tests share, and those of a kind of their own."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from tests.listener import Listener
from tests.modes.hosts import MODES, Host
from tests.modes.writer import Writer
from tests.services.postgres import Postgres
from tests.services.process import Reaper
from tests.services.valkey import Valkey
from tests.support import unavailable

Start = Callable[..., Host]
Follow = Callable[..., Listener]

_NUMBERS = count(1)


@pytest.fixture(scope="session", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Each of the async modes."""
    if request.param != "threading" and importlib.util.find_spec(request.param) is None:
        unavailable(f"{request.param} is not installed")
    return str(request.param)


@pytest.fixture(scope="session")
def host(
    mode: str, tmp_path_factory: pytest.TempPathFactory, reaper: Reaper, valkey: Valkey
) -> Iterator[Host]:
    """One worker on SQLite, with the notifier's own Socket.IO. Nobody may stop it."""
    host = Host(mode, tmp_path_factory.mktemp("own"), reaper, valkey.url)
    yield host
    host.close()


@pytest.fixture(scope="session")
def shared(
    mode: str, tmp_path_factory: pytest.TempPathFactory, reaper: Reaper, valkey: Valkey
) -> Iterator[Host]:
    """One worker on SQLite, with the host's Socket.IO."""
    host = Host(mode, tmp_path_factory.mktemp("shared"), reaper, valkey.url, socketio="host")
    yield host
    host.close()


@pytest.fixture(scope="session")
def pair(
    mode: str,
    tmp_path_factory: pytest.TempPathFactory,
    reaper: Reaper,
    valkey: Valkey,
    postgres: Postgres,
) -> Iterator[Host]:
    """Two workers on PostgreSQL."""
    folder, database = tmp_path_factory.mktemp("pair"), postgres.fresh_database()
    host = Host(mode, folder, reaper, valkey.url, database=database, workers=2)
    yield host
    host.close()
    postgres.return_database(database)


@pytest.fixture(params=["host", "shared", "pair"])
def any_host(request: pytest.FixtureRequest, mode: str) -> Host:
    """Each of them in each mode, for what has to hold everywhere."""
    found: Host = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def writers() -> Iterator[list[Writer]]:
    """Three other processes that write."""
    writers = [Writer() for _ in range(3)]
    yield writers
    for writer in writers:
        writer.close()


@pytest.fixture
def alice() -> str:
    """A user that no other test has."""
    return f"alice{next(_NUMBERS)}"


@pytest.fixture
def bob() -> str:
    """Another one."""
    return f"bob{next(_NUMBERS)}"


@pytest.fixture
def follow() -> Iterator[Follow]:
    """A function: a live client of a user's, which hangs up at the end of the test."""
    listeners: list[Listener] = []

    def start(host: Host, user: str, **options: Any) -> Listener:
        listeners.append(host.listen(user, **options))
        return listeners[-1]

    yield start
    for listener in listeners:
        listener.close()
