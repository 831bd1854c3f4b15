"""The unit of docs/deploying.md: what systemd thinks of it, and what it starts."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.deploying.conftest import FILES, adapted
from tests.services.process import Process, Reaper
from tests.services.server import SECRET_KEY, clean_environment
from tests.services.valkey import Valkey
from tests.support import ROOT, answers, free_port, wait_until

BIN = str(Path(sys.executable).parent)
UNIT = {
    "/srv/notifier/.venv/bin": BIN,
    "WorkingDirectory=/srv/notifier": f"WorkingDirectory={ROOT}",
}


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip(
            "this machine has no systemd, which no test can bring; the unit is parsed below"
        )
    unit = tmp_path / "notifier.service"
    unit.write_text(adapted("notifier.service", UNIT))
    ran = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, timeout=30)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_unit_has_the_parts_of_a_service_each_line_a_setting() -> None:
    parser = ConfigParser(interpolation=None, delimiters="=", comment_prefixes="#")
    parser.read_string(adapted("notifier.service", UNIT))
    assert parser.sections() == ["Unit", "Service", "Install"]
    assert all(value for section in parser.values() for value in section.values())


@pytest.fixture
def environment(tmp_path: Path, valkey: Valkey) -> dict[str, str]:
    """What systemd reads from the file of the environment, with addresses of this machine."""
    changes = {
        "the output of: python -c 'import secrets; print(secrets.token_hex(32))'": SECRET_KEY,
        "postgresql://notifier:password@db.internal/notifier": f"sqlite:///{tmp_path}/unit.db",
        "redis://:password@redis.internal:6379/0": valkey.url,
        "PORT=5000": f"PORT={free_port()}",
        "WEB_CONCURRENCY=4": "WEB_CONCURRENCY=1",
    }
    lines = adapted("notifier.env", changes).splitlines()
    pairs = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return clean_environment(**pairs)


@pytest.fixture
def started(tmp_path: Path, reaper: Reaper, environment: dict[str, str]) -> Iterator[Process]:
    """What the unit starts, once it has told systemd that it is ready."""
    text = adapted("notifier.service", UNIT)
    commands = dict(re.findall(r"^(Exec\w+)=(.*)$", text, re.MULTILINE))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(30)
        environment["NOTIFY_SOCKET"] = str(tmp_path / "notify")
        prepare = shlex.split(commands["ExecStartPre"])
        subprocess.run(prepare, env=environment, cwd=ROOT, check=True, timeout=60)
        command = shlex.split(commands["ExecStart"])
        log = tmp_path / "unit.log"
        process = Process(command, reaper=reaper, log=log, env=environment, cwd=ROOT)
        assert b"READY=1" in systemd.recv(4096), process.output()
        yield process
    process.kill()


def test_what_the_unit_starts_tells_when_it_is_ready_and_ends_in_order(
    started: Process, environment: dict[str, str]
) -> None:
    url = f"http://127.0.0.1:{environment['PORT']}/readyz"
    wait_until(lambda: answers(url), timeout=30, message=started.output())
    assert started.stop(signal.SIGTERM, timeout=30) == 0


def test_every_setting_of_the_environment_is_one() -> None:
    text = (FILES / "notifier.env").read_text()
    known = (ROOT / "docs" / "settings.md").read_text()
    for name in re.findall(r"^([A-Z_]+)=", text, re.MULTILINE):
        assert f"`{name}`" in known, name
