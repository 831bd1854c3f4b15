"""The deployed app on a file that somebody else has locked."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator

import requests

from tests.conftest import Serve
from tests.faults.calls import PASSWORD, SOON, bearer, send
from tests.services.server import ServerProcess


@contextlib.contextmanager
def locked(server: ServerProcess) -> Iterator[None]:
    """The write lock of another program on the server's file."""
    path = server.env["DATABASE_URL"].removeprefix("sqlite:///")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.rollback()
    other.close()


def test_a_send_waits_for_a_locked_file_and_nobody_else_does(serve: Serve) -> None:
    server = serve()
    server.flask("notifier", "create-user", "alice", "--password", PASSWORD)
    answers: list[int] = []
    sender = threading.Thread(target=lambda: answers.append(send(server).status_code))
    with locked(server):
        sender.start()
        until = time.monotonic() + 3
        polls = 0
        while time.monotonic() < until:
            poll = requests.get(f"{server.url}/notifications", headers=bearer(), timeout=SOON)
            assert poll.status_code == 200
            polls += 1
        assert answers == []
    sender.join(SOON)
    assert answers == [201]
    assert polls > 10


def test_a_file_that_stays_locked_is_a_503(serve: Serve) -> None:
    server = serve({"NOTIFIER_BUSY_TIMEOUT": "0.3"})
    server.flask("notifier", "create-user", "alice", "--password", PASSWORD)
    with locked(server):
        answer = send(server)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert send(server).status_code == 201
