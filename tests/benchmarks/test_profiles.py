"""Stacks of py-spy, and whose they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.profiles import REST, shares

SERVER = "main (eventlet/greenthread.py:1);handle (eventlet/wsgi.py:1)"
PUBLISHING = "Redis: publishing"
VIEW = f"{SERVER};wsgi_app (flask/app.py:1);poll (notifier/web/api.py:1)"


@pytest.mark.parametrize(
    ("stack", "group"),
    [
        (SERVER, "HTTP server"),
        (f"{SERVER};recv (eventlet/greenio/base.py:1)", "HTTP server"),
        (f"{SERVER};wsgi_app (flask/app.py:1)", "Flask and Werkzeug"),
        (VIEW, "views and checks"),
        (f"{VIEW};since (notifier/store.py:1);execute (sqlalchemy/base.py:1)", "database"),
        ("run (notifier/broker/publisher.py:1);send (redis/connection.py:1)", "Redis: publishing"),
        ("_run (notifier/broker/subscription.py:1)", "Redis: receiving"),
        ("_run (notifier/broker/publisher.py:1);seal (notifier/broker/wire.py:1)", PUBLISHING),
        ("push (notifier/web/delivery.py:1);emit (socketio/manager.py:1)", "sockets"),
        ("run (eventlet/hubs/hub.py:1)", REST),
    ],
)
def test_a_sample_belongs_to_the_innermost_part_that_is_known(
    tmp_path: Path, stack: str, group: str
) -> None:
    (tmp_path / "stacks").write_text(f"{stack} 7\n")
    assert shares(tmp_path / "stacks") == [(group, 100)]


def test_shares_are_of_all_samples_and_the_largest_comes_first(tmp_path: Path) -> None:
    (tmp_path / "stacks").write_text(f"{SERVER} 1\n{VIEW} 3\n")
    assert shares(tmp_path / "stacks") == [("views and checks", 75), ("HTTP server", 25)]
