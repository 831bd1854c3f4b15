"""The same in every async mode, with a Socket.IO of the host's: connect, push, poll, come back."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import socketio
import websocket

from notifier import Notifier
from tests.listener import Listener, Refused
from tests.services.process import Process, Reaper
from tests.services.server import SECRET_KEY, clean_environment
from tests.services.valkey import Valkey
from tests.support import ROOT, free_port, wait_until

WORKERS = {
    "eventlet": ["-k", "notifier.engine.worker.EventletWorker"],
    "gevent": ["-k", "gevent"],
    "threading": ["-k", "gthread", "--threads", "20"],
}


class Host:
    """A gunicorn with the host, and a script that writes to the same database."""

    def __init__(self, mode: str, folder: Path, reaper: Reaper, redis_url: str) -> None:
        self.mode = mode
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        database = f"sqlite:///{folder}/{mode}.db"
        self.script = Notifier.from_url(database, redis_url, SECRET_KEY=SECRET_KEY)
        self.script.create_tables()
        settings = {"DATABASE_URL": database, "REDIS_URL": redis_url, "SECRET_KEY": SECRET_KEY}
        settings |= {"NOTIFIER_NAMESPACE": "/", "MODE": mode}
        settings |= {"NOTIFIER_CONNECT_TIMEOUT": "0.3", "NOTIFIER_SWEEP_INTERVAL": "0.3"}
        command = [sys.executable, "-m", "gunicorn", *WORKERS[mode], "-b", f"127.0.0.1:{port}"]
        command += ["-c", "tests/engine/gunicorn.conf.py", "--graceful-timeout", "1"]
        self.process = Process(
            [*command, "tests.extension.served_host:app"],
            reaper=reaper,
            log=folder / f"{mode}.log",
            env=clean_environment(**settings),
            cwd=ROOT,
        )
        wait_until(lambda: not self.process.running or self.about(), 30, "the host answers")
        assert self.process.running, self.process.output()

    def about(self) -> dict[str, Any]:
        try:
            answer = requests.get(f"{self.url}/about", timeout=5)
        except requests.ConnectionError:
            return {}
        return dict(answer.json())

    def notify(self, name: str, data: object) -> None:
        with self.script.transaction():
            self.script.notify("alice", name, data)

    def close(self) -> None:
        self.process.kill()
        self.script.stop(1)
        self.script.engine.dispose()


@pytest.fixture(scope="module", params=WORKERS)
def host(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    reaper: Reaper,
    valkey: Valkey,
) -> Iterator[Host]:
    if request.param == "gevent":
        pytest.importorskip("gevent")
    host = Host(request.param, tmp_path_factory.mktemp("host"), reaper, valkey.url)
    yield host
    host.close()


Follow = Callable[[], Listener]


@pytest.fixture
def follow(host: Host) -> Iterator[Follow]:
    """A function: a live client of alice's."""
    listeners: list[Listener] = []

    def start() -> Listener:
        listeners.append(Listener(host.url, host.script.token("alice")))
        return listeners[-1]

    yield start
    for listener in listeners:
        listener.close()


def test_the_server_runs_in_the_mode_it_was_started_in(host: Host) -> None:
    assert host.about()["mode"] == host.mode


def test_what_another_process_commits_is_pushed(host: Host, follow: Follow) -> None:
    listener = follow()
    wait_until(lambda: listener.received, message="the head")
    host.notify("pushed", host.mode)
    wait_until(lambda: ("pushed", host.mode) in [(n, d.get("data")) for n, d in listener.received])


def test_a_poll_finds_the_same(host: Host) -> None:
    host.notify("polled", host.mode)
    headers = {"Authorization": f"Bearer {host.script.token('alice')}"}
    answer = requests.get(f"{host.url}/notifications", headers=headers, timeout=10)
    assert {"polled"} <= {event["name"] for event in answer.json()}


def test_a_stranger_is_refused(host: Host) -> None:
    with pytest.raises(Refused, match="unauthorized"):
        Listener(host.url, None)


def test_the_hosts_own_sockets_stay_while_silent_ones_are_closed(host: Host) -> None:
    before = host.about()["reaped"]
    chat = socketio.Client(reconnection=False)
    chat.connect(host.url, namespaces=["/chat"], transports=["websocket"])
    silent = websocket.create_connection(
        host.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket", timeout=10
    )
    try:
        wait_until(lambda: host.about()["reaped"] > before, message="the silent one is closed")
        assert chat.call("say", "hi", namespace="/chat", timeout=10) == "HI"
    finally:
        chat.disconnect()
        silent.shutdown()


def test_a_client_comes_back_after_its_worker_died(host: Host, follow: Follow) -> None:
    first = follow()
    os.kill(worker := host.about()["pid"], signal.SIGKILL)
    host.notify("missed", worker)
    wait_until(lambda: first.problem, message="the connection is lost")
    wait_until(lambda: host.about().get("pid", worker) != worker, 30, "a new worker serves")
    second = follow()
    wait_until(lambda: second.rule.value("missed") == worker, message="it caught up")


def test_it_stops_in_time_with_sockets_open(host: Host, follow: Follow) -> None:
    follow()
    assert host.process.stop(timeout=20) == 0
    assert "Traceback" not in host.process.output()
