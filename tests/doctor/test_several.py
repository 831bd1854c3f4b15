"""Several processes that share what cannot be shared, however they were asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from notifier.doctor.processes import server_workers, workers
from notifier.doctor.report import State
from notifier.doctor.site import Site
from notifier.engine.appstop import Several, lacking_for
from tests.doctor.conftest import Examine, Host
from tests.services.process import Process, Reaper
from tests.services.server import SECRET_KEY, clean_environment
from tests.services.valkey import Valkey
from tests.support import ROOT, free_port, wait_until

OURS = ("-k", "notifier.engine.worker.EventletWorker")
ON_SQLITE, DEAF = "serve this app on SQLite", "serve this app without a broker"
POSTGRESQL = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
APP = """\
import flask
from notifier import Notifier
app = flask.Flask("host")
Notifier(app).create_tables()
"""

Serve = Callable[..., tuple[str, Process]]


@pytest.fixture
def serve(tmp_path: Path, reaper: Reaper, sqlite_url: str) -> Iterator[Serve]:
    """A function that runs gunicorn with some options, as in a folder of the host's."""
    (tmp_path / "wsgi.py").write_text(APP)
    started: list[Process] = []

    def serve(*options: str, **env: str) -> tuple[str, Process]:
        address = f"127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "gunicorn", "-b", address, *options, "wsgi:app"]
        given = {"DATABASE_URL": sqlite_url, "SECRET_KEY": SECRET_KEY, "PYTHONPATH": str(ROOT)}
        env = clean_environment(**given, **env)
        log = tmp_path / "server.log"
        process = Process(command, reaper=reaper, log=log, env=env, cwd=tmp_path)
        started.append(process)
        wait_until(lambda: ready(f"http://{address}"), 30, "the server is ready")
        return f"http://{address}", process

    yield serve
    for process in started:
        process.kill()


def ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def test_a_worker_of_ours_says_once_what_all_of_them_lack(serve: Serve) -> None:
    _, process = serve(*OURS, "-w", "3")
    wait_until(lambda: process.output().count("Booting worker") == 3, message=process.output())
    wait_until(lambda: DEAF in process.output(), message=process.output())
    assert process.stop() == 0
    assert (process.output().count(ON_SQLITE), process.output().count(DEAF)) == (1, 1)


@pytest.mark.parametrize(
    ("options", "env"),
    [((*OURS, "-w", "2"), {}), (("--threads", "4"), {"WEB_CONCURRENCY": "2"})],
    ids=["our worker", "threads"],
)
def test_the_doctor_hears_of_them_from_the_server(
    serve: Serve, look: Examine, options: tuple[str, ...], env: dict[str, str]
) -> None:
    url, process = serve(*options, **env)
    found = look("server", "server workers", url=url)["server workers"]
    assert (found.state, "on SQLite" in found.found) == (State.WRONG, True)
    assert ON_SQLITE in process.output()
    assert DEAF in process.output()


def test_one_worker_is_no_reason_to_complain(serve: Serve, look: Examine) -> None:
    url, process = serve(*OURS, "-w", "1")
    assert look("server", "server workers", url=url)["server workers"].state is State.OK
    assert "Several processes" not in process.output()


def test_what_can_be_shared_is_no_reason_either(host: Host) -> None:
    notifier = host(**POSTGRESQL, REDIS_URL="redis://127.0.0.1:1")
    assert lacking_for(4, notifier) == []


def test_of_apps_that_are_mounted_side_by_side_all_are_told(host: Host) -> None:
    first, second = host(), host(**POSTGRESQL)
    problems = lacking_for(2, Several([first, second]))
    assert [(ON_SQLITE in one, DEAF in one) for one in problems] == [(True, False), (False, True)]


@pytest.mark.parametrize(
    ("config", "broker", "count", "words"),
    [
        ({}, "ok", 2, "on SQLite"),
        (POSTGRESQL, "none", 2, "without a broker"),
        (POSTGRESQL, "ok", 1, "here one is assumed"),
        (POSTGRESQL, "ok", 2, "with a broker"),
    ],
)
def test_what_is_said_of_a_server_with_several(
    host: Host, config: dict[str, str], broker: str, count: int, words: str
) -> None:
    site = Site(host(**config), workers=count)
    site.several_serve, site.broker_of_server = True, broker
    assert words in server_workers(site).found


def test_processes_heard_on_sqlite_are_wrong(look: Examine, host: Host, valkey: Valkey) -> None:
    settings = {"REDIS_URL": valkey.url, "NOTIFIER_CHANNEL": "several"}
    for _ in range(2):
        host(**settings).start()
    found = look("same key", **settings)["same key"]
    assert (found.state, "SQLite" in found.found) == (State.WRONG, True)


def test_a_number_that_nobody_said_is_called_assumed(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    for config in ({}, {"REDIS_URL": "redis://127.0.0.1:1"}):
        assert "assumed" in workers(Site(host(**config))).found
    monkeypatch.setenv("WEB_CONCURRENCY", "1")
    assert "assumed" not in workers(Site(host())).found
