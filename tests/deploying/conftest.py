"""The files of docs/deploying/, run with the addresses of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import flask
import pytest

from notifier import Notifier
from notifier.doctor.checks import CHECKS
from notifier.doctor.report import Result
from notifier.doctor.running import examine
from notifier.doctor.site import Site
from tests.services.process import Process, Reaper
from tests.services.server import ServerProcess
from tests.support import ROOT, free_port, unavailable, wait_until

SHARED = {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "NOTIFIER_CHANNEL"}
# The last checks of the table, from this one on, are those of the address.
PUBLIC = CHECKS[[check.name for check in CHECKS].index("server") :]
FILES = ROOT / "docs" / "deploying"


@dataclass
class Front:
    """A proxy that runs: its addresses, with and without TLS."""

    process: Process
    port: int
    plain_port: int

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def plain(self) -> str:
        return f"http://localhost:{self.plain_port}"


def program(name: str) -> str:
    """The path of a program that `make test` installs."""
    path = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"
    return shutil.which(name, path=path) or unavailable(f"{name} is not installed")


@pytest.fixture
def trusted(tls: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Clients of this process and its children believe in that certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tls / "fullchain.pem"))
    return ssl.create_default_context(cafile=str(tls / "fullchain.pem"))


def adapted(name: str, changes: dict[str, str]) -> str:
    """A file of the documentation with some words replaced, each of which must be there."""
    text = (FILES / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{name} has no {old!r}"
        text = text.replace(old, new)
    return text


def run_nginx(folder: Path, text: str, reaper: Reaper) -> Process:
    """nginx with a site of its own and nothing else, in the foreground."""
    (folder / "site.conf").write_text(text)
    whole = folder / "nginx.conf"
    temporary = "".join(
        f"{kind}_temp_path {folder / kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole.write_text(
        f"daemon off; pid {folder / 'pid'}; error_log stderr; worker_processes 1;\n"
        f"events {{ worker_connections 256; }}\n"
        f"http {{ access_log off; {temporary} include {folder / 'site.conf'}; }}\n"
    )
    command = [program("nginx"), "-p", str(folder), "-c", str(whole), "-e", "stderr"]
    return Process(command, reaper=reaper, log=folder / "nginx.log")


def run_haproxy(folder: Path, text: str, reaper: Reaper) -> Process:
    """haproxy in the foreground."""
    (folder / "haproxy.cfg").write_text(text)
    command = [program("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]
    return Process(command, reaper=reaper, log=folder / "haproxy.log")


Run = Callable[[Path, str, Reaper], Process]


def front(name: str, run: Run, changes: dict[str, str], folder: Path, reaper: Reaper) -> Front:
    """A proxy that serves; `changes` name its two ports `{port}` and `{plain}`."""
    port, plain = free_port(), free_port()
    ports = {"{port}": str(port), "{plain}": str(plain)}
    for old, new in changes.items():
        for word, real in ports.items():
            new = new.replace(word, real)
        changes[old] = new
    process = run(folder, adapted(name, changes), reaper)
    found = Front(process, port, plain)
    wait_until(lambda: not process.running or answers(found), message=f"{name} serves")
    assert process.running, process.output()
    return found


def answers(front: Front) -> bool:
    try:
        socket.create_connection(("127.0.0.1", front.port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(params=["nginx", "haproxy"])
def proxy(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    reaper: Reaper,
    deployed: ServerProcess,
    tls: Path,
) -> Iterator[Front]:
    """Each proxy, as its file has it, before the app."""
    common = {"127.0.0.1:5000": f"127.0.0.1:{deployed.port}", "/etc/ssl/app.example": str(tls)}
    listen = {"listen 443": "listen 127.0.0.1:{port}", "listen 80": "listen 127.0.0.1:{plain}"}
    bind = {"bind :443": "bind 127.0.0.1:{port}", "bind :80": "bind 127.0.0.1:{plain}"}
    # haproxy does not start where it may not open that many files.
    bind["maxconn 40000"] = "maxconn 200"
    if request.param == "nginx":
        named = {"app.example;": "localhost;"}
        # In this order, since the folder of the certificates has the name of the host in it.
        found = front("nginx.conf", run_nginx, {**common, **listen, **named}, tmp_path, reaper)
    else:
        found = front("haproxy.cfg", run_haproxy, {**common, **bind}, tmp_path, reaper)
    yield found
    found.process.stop()


def doctor(app: ServerProcess, url: str) -> dict[str, Result]:
    """What `flask notifier doctor --url` finds about the address, with the app's settings."""
    host = flask.Flask("shell")
    host.config.update({key: app.env[key] for key in app.env if key in SHARED})
    notifier = Notifier(host)
    site = Site(notifier, url=url, workers=app.workers)
    found = {one.check: one.result for one in examine(site, PUBLIC)}
    site.close()
    notifier.stop(1)
    notifier.engine.dispose()
    return found
