"""`make run` in a copy of the checkout that has nothing but a virtualenv."""

from __future__ import annotations

import re
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services.process import Process, Reaper
from tests.services.server import clean_environment
from tests.support import ROOT, answers, free_port, unavailable, wait_until

GENERATED = (
    ".git",
    ".venv",
    "build",
    "instance",
    "__pycache__",
    "*.egg-info",
    ".*_cache",
    "test-artifacts",
)
SECRETS = ("secret_key", "demo_password")


@pytest.fixture(scope="module")
def copy_checkout(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """A function that makes a clean copy of the checkout, with our virtualenv lent to it."""
    if not (ROOT / ".venv" / ".app").exists() or shutil.which("make") is None:
        unavailable("needs make, and the virtualenv that `make install` creates")

    def copy() -> Path:
        folder = tmp_path_factory.mktemp("clone") / "checkout"
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*GENERATED))
        (folder / ".venv").symlink_to(ROOT / ".venv")
        return folder

    return copy


@dataclass(frozen=True)
class Run:
    """`make run` in a checkout."""

    checkout: Path
    process: Process
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def secrets(self) -> list[str]:
        instance = self.checkout / "instance"
        return [(instance / name).read_text().strip() for name in SECRETS]

    def wait(self) -> None:
        """Return when it answers."""
        wait_until(
            lambda: not self.process.running or answers(f"{self.url}/login"),
            timeout=60,
            message="make run answers",
        )
        assert self.process.running, self.process.output()

    def listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def make_run(checkout: Path, reaper: Reaper, port: int | None = None) -> Run:
    port = port or free_port()
    process = Process(
        # The virtualenv is lent: nothing may be installed into it from here.
        ["make", "--old-file=.venv/.app", "run", f"PORT={port}", "PIP=false"],
        reaper=reaper,
        log=checkout.parent / "make.log",
        env=clean_environment(),
        cwd=checkout,
    )
    return Run(checkout, process, port)


@pytest.fixture(scope="module")
def run(copy_checkout: Callable[[], Path], reaper: Reaper) -> Iterator[Run]:
    """One `make run` for the tests that only look."""
    run = make_run(copy_checkout(), reaper)
    run.wait()
    yield run
    run.process.stop(timeout=20)


def test_it_prints_the_address_and_two_users_who_can_sign_in(run: Run) -> None:
    _, password = run.secrets()
    shown = run.process.output()
    assert run.url in shown
    assert re.search(rf"alice\b.*\bbob\b.*{re.escape(password)}", shown)


def test_its_secrets_are_readable_by_their_owner_alone(run: Run) -> None:
    modes = [stat.S_IMODE((run.checkout / "instance" / name).stat().st_mode) for name in SECRETS]
    assert modes == [0o600, 0o600]


def test_a_second_terminal_needs_no_environment(run: Run) -> None:
    done = subprocess.run(
        [".venv/bin/flask", "--app", "wsgi", "notifier", "send", "alice", "hi"],
        cwd=run.checkout,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_a_taken_port_is_one_clear_line(run: Run, reaper: Reaper) -> None:
    second = make_run(run.checkout, reaper, run.port)
    wait_until(lambda: not second.process.running, timeout=30)
    assert second.process.returncode == 2
    assert f"cannot listen on 127.0.0.1:{run.port}" in second.process.output()


def test_stopped_and_run_again_it_keeps_key_and_passwords(
    copy_checkout: Callable[[], Path], reaper: Reaper
) -> None:
    checkout, secrets = copy_checkout(), []
    for number in (signal.SIGTERM, signal.SIGINT):
        run = make_run(checkout, reaper)
        run.wait()
        secrets.append(run.secrets())
        run.process.signal_group(number)
        wait_until(lambda: not run.process.running, timeout=40)  # noqa: B023 -- called in the loop
        assert not run.listening()
    assert secrets[0] == secrets[1]
