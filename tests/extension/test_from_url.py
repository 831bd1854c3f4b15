"""Scripts, tasks and shells: forked, threaded, short-lived, and without a database or a broker."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import scoped_session, sessionmaker

from notifier import ConfigurationError, DatabaseUnavailable, Notifier, create_engine
from notifier.broker.endpoint import endpoint_of
from notifier.broker.publisher import RedisPublisher
from notifier.operations import Event
from notifier.publisher import MemoryPublisher
from notifier.web.serving import wire_of
from tests.extension.scripts import SECRET_KEY
from tests.services.server import clean_environment
from tests.services.valkey import Valkey
from tests.support import ROOT, free_port, wait_until

# Python 3.12 warns of every fork of a process that has threads, and a publisher has one.
FORKING = [sys.executable, "-W", "ignore::DeprecationWarning"]


def script(what: str, *urls: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a script; it is to end by itself."""
    return subprocess.run(
        [*FORKING, "-m", "tests.extension.scripts", what, *urls],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def succeeds(what: str, *urls: str) -> None:
    done = script(what, *urls)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLite, unless a test names others: most of this is the same on both."""
    return str(request.getfixturevalue(getattr(request, "param", "sqlite_url")))


BOTH = pytest.mark.parametrize("database_url", ["sqlite_url", "postgres_url"], indirect=True)
ON_POSTGRES = pytest.mark.parametrize("database_url", ["postgres_url"], indirect=True)


@pytest.fixture
def notifier(database_url: str, valkey: Valkey) -> Iterator[Notifier]:
    notifier = Notifier.from_url(database_url, valkey.url, SECRET_KEY=SECRET_KEY)
    notifier.create_tables()
    yield notifier
    notifier.stop(1)
    notifier.engine.dispose()


@pytest.fixture
def pushed(notifier: Notifier) -> Iterator[set[str]]:
    """The names of what arrives through Redis for alice."""
    names: set[str] = set()
    settings = notifier.settings

    def take(events: list[Event]) -> None:
        names.update(event.name for event in events)

    assert isinstance(notifier.publisher, RedisPublisher)
    subscription = endpoint_of(settings.redis_url, 1.0).subscription(
        wire_of(settings), notifier.publisher.note, take, lambda _users: None
    )
    subscription.start()
    assert subscription.wait_ready(10)
    subscription.join("alice")
    assert subscription.wait_joined("alice", 10)
    yield names
    subscription.close(1)


def names(notifier: Notifier) -> set[str]:
    return {event.name for event in notifier.since("alice")}


def test_a_script_that_ends_at_once_has_published_all(
    notifier: Notifier, database_url: str, valkey: Valkey, pushed: set[str]
) -> None:
    succeeds("leave_at_once", database_url, valkey.url)
    wait_until(lambda: len(pushed) == 50, message="all fifty are pushed")


FORKS = [
    ("fork", 52, "postgres_url"),
    ("pool", 4, "postgres_url"),
    ("fork_inside", 1, "sqlite_url"),
]


@pytest.mark.parametrize(("what", "written", "database_url"), FORKS, indirect=["database_url"])
def test_forked_processes_share_nothing_and_lose_nothing(
    notifier: Notifier, database_url: str, valkey: Valkey, what: str, written: int, pushed: set[str]
) -> None:
    succeeds(what, database_url, valkey.url)
    assert len(names(notifier)) == written
    assert notifier.audit() == []
    wait_until(lambda: pushed == names(notifier), message="all of it is pushed")


@ON_POSTGRES
def test_threads_may_share_it_from_the_first_use_on(notifier: Notifier, database_url: str) -> None:
    shared = Notifier.from_url(database_url)
    together = threading.Barrier(8)

    def run(n: int) -> Engine:
        together.wait(10)
        with shared.transaction():
            shared.send("alice", str(n))
        return shared.engine

    with ThreadPoolExecutor(8) as pool:
        engines = set(pool.map(run, range(8)))
    assert engines == {shared.engine}
    assert notifier.unread_count("alice") == 8
    shared.engine.dispose()


def test_a_database_that_cannot_be_reached_is_named_without_its_password() -> None:
    url = f"postgresql://me:secret@127.0.0.1:{free_port()}/shop"
    notifier = Notifier.from_url(url)
    with pytest.raises(DatabaseUnavailable, match=r"me:\*\*\*@.*cannot be reached.*check the URL"):
        notifier.unread_count("alice")
    notifier.engine.dispose()


def test_a_file_that_cannot_be_opened_is_named() -> None:
    notifier = Notifier.from_url("sqlite:////nowhere/at/all.db")
    with pytest.raises(DatabaseUnavailable, match=r"/nowhere/at/all\.db cannot be reached"):
        notifier.broadcast(["alice"], "hi")
    notifier.engine.dispose()


USES: dict[str, Callable[[Notifier], object]] = {
    "reading": lambda notifier: notifier.unread_count("alice"),
    "sending": lambda notifier: notifier.broadcast(["alice"], "hi"),
}


@BOTH
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_missing_tables_are_told_with_the_cure(
    database_url: str, use: Callable[[Notifier], object]
) -> None:
    notifier = Notifier.from_url(database_url)
    with pytest.raises(ConfigurationError, match="init-db"):
        use(notifier)
    notifier.engine.dispose()


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/db", "sqlite"])
def test_a_malformed_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        Notifier.from_url(url).unread_count("alice")


@pytest.mark.parametrize(
    ("keyword", "said"),
    [
        ("channel", "did you mean NOTIFIER_CHANNEL"),
        ("secret_key", "did you mean SECRET_KEY"),
        ("identify", "identify is not a setting; see docs/settings.md"),
    ],
)
def test_a_keyword_that_is_no_setting_is_refused(keyword: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Notifier.from_url("sqlite://", **{keyword: "x"})


def test_a_broker_that_is_down_costs_a_script_two_seconds_at_most(sqlite_url: str) -> None:
    notifier = Notifier.from_url(sqlite_url)
    notifier.create_tables()
    done = script("leave_at_once", sqlite_url, f"redis://127.0.0.1:{free_port()}", timeout=30)
    assert done.returncode == 0, done.stderr
    assert len(names(notifier)) == 50
    assert "Redis does not take publications" in done.stderr
    notifier.engine.dispose()


def test_an_empty_url_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    made = Notifier.from_url("sqlite://", "", SECRET_KEY=SECRET_KEY)
    assert isinstance(made.publisher, RedisPublisher)
    made.stop(0)


def test_a_task_may_join_a_session_of_its_own(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    session = scoped_session(sessionmaker(engine))
    notifier = Notifier.from_url("", session=session)
    assert isinstance(notifier.publisher, MemoryPublisher)
    notifier.create_tables()
    notifier.send("alice", "hi")
    session.rollback()
    notifier.send("alice", "hi again")
    session.commit()
    assert [message.body for message in notifier.list_messages("alice")] == ["hi again"]
    session.remove()
    engine.dispose()


def test_a_script_can_make_tokens_but_has_no_sockets() -> None:
    notifier = Notifier.from_url("sqlite://", SECRET_KEY=SECRET_KEY)
    assert notifier.identity.tokens.user(notifier.token("alice")) == "alice"
    with pytest.raises(ConfigurationError, match="no serving yet; it needs an app"):
        _ = notifier.serving
