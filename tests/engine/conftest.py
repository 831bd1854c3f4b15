"""Servers for these tests: a shared one for those that only ask, else one of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.served import Served
from tests.services.process import Reaper

Start = Callable[..., Served]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, reaper: Reaper) -> Iterator[Served]:
    """A server that nobody may stop."""
    served = Served(tmp_path_factory.mktemp("served"), reaper)
    served.wait_ready()
    yield served
    served.process.kill()


@pytest.fixture
def start(tmp_path: Path, reaper: Reaper) -> Iterator[Start]:
    """A function that starts a server of the test's own: `start("--workers", "2", KEY="value")`."""
    started: list[Served] = []

    def start(*options: str, ready: bool = True, **env: str) -> Served:
        served = Served(tmp_path, reaper, *options, **env)
        started.append(served)
        if ready:
            served.wait_ready()
        return served

    yield start
    for served in started:
        served.process.kill()
