"""``flask notifier tail`` in a second terminal."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from notifier import Notifier
from tests.client.conftest import notify
from tests.client.fake import FakeServer
from tests.services.process import Process, Reaper
from tests.services.server import ServerProcess
from tests.support import ROOT, free_port, wait_until

Tail = Callable[..., Process]


@pytest.fixture(scope="module")
def bob(shared_server: ServerProcess) -> str:
    """Somebody who signed up."""
    shared_server.flask("notifier", "create-user", "bob", "--password", "a long password")
    return "bob"


@pytest.fixture
def tail(server: ServerProcess, bob: str, reaper: Reaper, tmp_path: Path) -> Iterator[Tail]:
    """A function that follows bob from another terminal."""
    started: list[Process] = []
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "notifier", "tail", bob]

    def start(**env: str) -> Process:
        log = tmp_path / "tail.log"
        started.append(
            Process(command, reaper=reaper, log=log, env={**server.env, **env}, cwd=ROOT)
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def run(sqlite_url: str) -> Iterator[Callable[..., Result]]:
    """A function that runs the command in this process, in an app that knows alice."""
    app = Flask("host")
    app.config.update(SECRET_KEY="test", DATABASE_URL=sqlite_url, NOTIFIER_URL_PREFIX="/shop")
    notifier = Notifier(app, known={"alice"}.intersection)
    yield lambda *options: app.test_cli_runner().invoke(args=["notifier", "tail", *options])
    notifier.stop(1)
    notifier.engine.dispose()


def interrupted(process: Process) -> int:
    """The exit code after Ctrl-C."""
    process.signal_group(signal.SIGINT)
    wait_until(lambda: not process.running, 20, "Ctrl-C ends it")
    return process.returncode or 0


def test_it_prints_a_line_for_each_event_until_ctrl_c(tail: Tail, producer: Notifier) -> None:
    notify(producer, "bob", {"step": 1})
    process = tail()
    wait_until(process.output, 30, "what is true now")
    notify(producer, "bob", {"step": 2})
    wait_until(lambda: process.output().count("\n") == 2, 30, "the change")
    assert interrupted(process) == 0
    lines = [json.loads(line) for line in process.output().splitlines()]
    assert [line["data"] for line in lines] == [{"step": 1}, {"step": 2}]
    assert lines[-1] == {"name": "step", "data": {"step": 2}, "timestamp": producer.head("bob")}


def test_it_says_once_that_there_is_no_server_and_goes_on_trying(tail: Tail) -> None:
    process = tail(PORT=str(free_port()))
    wait_until(process.output, 30, "it says so")
    assert interrupted(process) == 0
    assert process.output().count("\n") == 1
    assert "will go on trying" in process.output()


def test_it_ends_where_there_is_nothing_to_follow(
    run: Callable[..., Result], fake: FakeServer
) -> None:
    fake.answers = [(404, {}, {"detail": "not here"})]
    result = run("alice", "--url", fake.url)
    said = f"Error: {fake.url}/shop/notifications answered 404 (not here)\n"
    assert (result.exit_code, result.stderr) == (1, said)


def test_it_knows_the_users(run: Callable[..., Result]) -> None:
    result = run("nobody")
    assert (result.exit_code, result.stderr) == (1, "Error: user: no such user: 'nobody'\n")


def test_it_refuses_what_is_no_url(run: Callable[..., Result]) -> None:
    assert "is no http:// or https:// URL" in run("alice", "--url", "localhost").stderr
