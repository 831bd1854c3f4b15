"""Following a user on a deployed server, through what may happen to it."""

from __future__ import annotations

import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from notifier import Notifier
from notifier.client import Event
from notifier.errors import TokenError
from tests.client.conftest import Follow, is_live, notify, take_until, token_of
from tests.services.server import ServerProcess
from tests.services.valkey import Valkey
from tests.support import wait_until


def test_what_is_true_comes_first_and_then_each_change(
    producer: Notifier, user: str, following: Follow
) -> None:
    notify(producer, user, "before")
    follower = following()
    assert [event.data for event in take_until(follower, "before")] == ["before"]
    is_live(follower)
    notify(producer, user, "after")
    stamp = producer.head(user)
    assert take_until(follower, "after") == [Event("step", "after", stamp)]


def test_a_refused_token_is_raised(following: Follow, user: str) -> None:
    with pytest.raises(TokenError):
        next(following(token_of(user, key="a key that this server never had")))


def test_an_expired_token_is_raised(following: Follow, user: str) -> None:
    with pytest.raises(TokenError, match="expired"):
        next(following(token_of(user, lives=-10)))


def test_a_function_brings_a_new_token_for_one_that_expired(
    producer: Notifier, user: str, following: Follow
) -> None:
    tokens = [token_of(user), token_of(user, lives=-10)]
    notify(producer, user, "here")
    follower = following(tokens.pop)
    take_until(follower, "here")
    is_live(follower)
    assert tokens == []


def test_a_killed_worker_costs_nothing_but_time(
    server: ServerProcess, producer: Notifier, user: str, following: Follow
) -> None:
    follower = following()
    is_live(follower)
    server.kill_worker()
    notify(producer, user, "meanwhile")
    take_until(follower, "meanwhile")
    is_live(follower)
    notify(producer, user, "afterwards")
    take_until(follower, "afterwards")


def test_a_frozen_server_is_noticed_and_followed_again(
    server: ServerProcess, producer: Notifier, user: str, following: Follow
) -> None:
    follower = following()
    is_live(follower)
    frozen = server.kill_worker(number=signal.SIGSTOP)
    try:
        wait_until(lambda: follower.state != "live", 30, "the silence is noticed")
        notify(producer, user, "meanwhile")
    finally:
        server.kill_worker(frozen, signal.SIGCONT)
    take_until(follower, "meanwhile")
    is_live(follower)


def test_while_redis_is_down_changes_come_all_the_same(
    broker: Valkey, producer: Notifier, user: str, following: Follow
) -> None:
    follower = following()
    is_live(follower)
    broker.stop()
    try:
        notify(producer, user, "without")
        take_until(follower, "without")
    finally:
        broker.start()


def test_a_restored_database_is_believed(
    server: ServerProcess, producer: Notifier, user: str, following: Follow, tmp_path: Path
) -> None:
    path = server.env["DATABASE_URL"].removeprefix("sqlite:///")
    notify(producer, user, "older")
    copy(path, tmp_path / "backup.db")
    notify(producer, user, "newer")
    notify(producer, user, "lost", name="other")
    follower = following()
    take_until(follower, "lost")
    is_live(follower)
    copy(tmp_path / "backup.db", path)
    server.kill_worker()
    assert Event("other", None, 0.0) in take_until(follower, "older")


def copy(source: str | Path, target: str | Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def test_another_thread_ends_it(following: Follow) -> None:
    follower = following()
    ended = threading.Thread(target=lambda: list(follower))
    ended.start()
    follower.close()
    ended.join(10)
    assert not ended.is_alive()
    assert (follower.closed, follower.state) == (True, "offline")


def test_closing_ends_every_thread(following: Follow) -> None:
    follower = following()
    is_live(follower)
    follower.close()
    wait_until(lambda: not threads(), message="no thread is left")


def threads() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("notifier-")]
