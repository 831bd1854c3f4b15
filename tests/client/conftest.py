"""One deployed server, on a broker and a database of its own, for all tests of the client."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from notifier import Notifier
from notifier.client import Event, Follower, driver, follow, live, timing
from notifier.web.tokens import Tokens
from tests.client.fake import FakeServer
from tests.services.process import Reaper
from tests.services.server import SECRET_KEY, ServerProcess
from tests.services.valkey import Valkey
from tests.support import wait_until

Follow = Callable[..., Follower]

SETTINGS = {
    "NOTIFIER_SWEEP_INTERVAL": "0.3",
    "NOTIFIER_POLL_INTERVAL": "1",
    # A frozen server is noticed after their sum.
    "NOTIFIER_PING_INTERVAL": "1",
    "NOTIFIER_PING_TIMEOUT": "2",
}

_numbers = itertools.count()


@pytest.fixture(scope="package")
def broker(service_dir: Path, reaper: Reaper) -> Iterator[Valkey]:
    folder = Path(tempfile.mkdtemp(dir=service_dir))
    broker = Valkey(folder, reaper)
    broker.start()
    yield broker
    broker.close()


@pytest.fixture(scope="package")
def shared_server(
    tmp_path_factory: pytest.TempPathFactory, reaper: Reaper, broker: Valkey
) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("client")
    env = {"DATABASE_URL": f"sqlite:///{folder / 'client.db'}", "REDIS_URL": broker.url}
    server = ServerProcess(folder, reaper, env=env | SETTINGS)
    server.flask("notifier", "init-db")
    server.start("/readyz")
    yield server
    server.close()


@pytest.fixture
def server(shared_server: ServerProcess) -> ServerProcess:
    """The server, in order."""
    wait_until(lambda: shared_server.answers("/readyz"), 30, "the server is ready")
    return shared_server


@pytest.fixture(scope="package")
def producer(shared_server: ServerProcess) -> Iterator[Notifier]:
    """Writes to the server's database, as a task does."""
    env = shared_server.env
    producer = Notifier.from_url(env["DATABASE_URL"], env["REDIS_URL"], SECRET_KEY=SECRET_KEY)
    yield producer
    producer.stop(1)
    producer.engine.dispose()


@pytest.fixture
def user() -> str:
    """Somebody new."""
    return f"user{next(_numbers)}"


@pytest.fixture
def following(server: ServerProcess, user: str) -> Iterator[Follow]:
    """A function that follows the user on the server."""
    opened: list[Follower] = []

    def start(token: object = None, url: str = server.url) -> Follower:
        opened.append(follow(url, token or token_of(user)))
        return opened[-1]

    yield start
    for follower in opened:
        follower.close()


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """A server that a test tells what to say, and clients in a tenth of their time."""
    monkeypatch.setattr(driver, "FETCH_BACKOFF", (0.1, 6.0))
    monkeypatch.setattr(live, "RECONNECT_BACKOFF", (0.05, 0.3))
    monkeypatch.setattr(live, "BUSY_BACKOFF", (0.2, 6.0))
    monkeypatch.setattr(timing, "POLL_RANGE", (0.1, 360.0))
    with FakeServer() as server:
        yield server


def token_of(user: str, lives: int = 3600, key: str = SECRET_KEY) -> str:
    return Tokens([key], lives).make(user)


def notify(producer: Notifier, user: str, data: object, name: str = "step") -> None:
    with producer.transaction():
        producer.notify(user, name, data)


def take_until(follower: Follower, data: object, timeout: float = 30.0) -> list[Event]:
    """What comes up to the event with this data."""
    taken: list[Event] = []
    deadline = time.monotonic() + timeout
    while (event := follower.get(max(0.0, deadline - time.monotonic()))) is not None:
        taken.append(event)
        if event.data == data:
            return taken
    raise AssertionError(f"{data!r} did not come within {timeout:g} s, but {taken}")


def is_live(follower: Follower) -> None:
    wait_until(lambda: follower.state == "live", 30, "there is a socket")
