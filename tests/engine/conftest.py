"""Servers for these tests: a shared one for those that only ask, else one of the test's own."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.served import Served
from tests.services.process import Reaper

Start = Callable[..., Served]


class Certificate:
    """A server's certificate for localhost, signed by itself."""

    def __init__(self, folder: Path) -> None:
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
        command += ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, capture_output=True)
        self.options = ["--certfile", str(certificate), "--keyfile", str(key)]
        self._context = ssl.create_default_context(cafile=str(certificate))
        self._context.check_hostname = False

    def wrap(self, connection: socket.socket) -> ssl.SSLSocket:
        return self._context.wrap_socket(connection)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("tls"))


TRANSPORTS = ("lean", "stock")
FOOTINGS = ("eventlet", "gevent", "threads")


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    """Both of them, for what each has to do: `start(TRANSPORT=transport)`."""
    return str(request.param)


@pytest.fixture(scope="session", params=TRANSPORTS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, reaper: Reaper
) -> Iterator[Served]:
    """A server that nobody may stop, on either transport."""
    served = Served(tmp_path_factory.mktemp("served"), reaper, TRANSPORT=request.param)
    served.wait_ready()
    yield served
    served.process.kill()


@pytest.fixture(scope="session", params=FOOTINGS)
def lean_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, reaper: Reaper
) -> Iterator[Served]:
    """A server on the lean transport that nobody may stop, on each of its footings."""
    folder = tmp_path_factory.mktemp("lean")
    served = Served(folder, reaper, footing=request.param)
    served.wait_ready()
    yield served
    served.process.kill()


@pytest.fixture
def start(tmp_path: Path, reaper: Reaper) -> Iterator[Start]:
    """A function that starts a server of the test's own: `start("--workers", "2", KEY="value")`."""
    yield from _starter(tmp_path, reaper, "eventlet")


@pytest.fixture(params=FOOTINGS)
def lean(request: pytest.FixtureRequest, tmp_path: Path, reaper: Reaper) -> Iterator[Start]:
    """The same for the lean transport, on each of its footings."""
    yield from _starter(tmp_path, reaper, request.param)


def _starter(folder: Path, reaper: Reaper, footing: str) -> Iterator[Start]:
    started: list[Served] = []

    def start(*options: str, ready: bool = True, **env: str) -> Served:
        served = Served(folder, reaper, *options, footing=footing, **env)
        started.append(served)
        if ready:
            served.wait_ready()
        return served

    yield start
    for served in started:
        served.process.kill()
