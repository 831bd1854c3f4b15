"""Fixtures for the whole suite. Services start when a test first asks for one, once per run."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.services.process import Reaper
from tests.services.server import ServerProcess
from tests.services.valkey import Valkey
from tests.support import unavailable

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.services.postgres import Postgres

Serve = Callable[..., ServerProcess]

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# No calls home, no first-run page, no sandbox daemon: the same browser on every machine.
CHROMIUM_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def service_dir() -> Iterator[Path]:
    """A folder for servers: short, as socket paths are limited, and open to other accounts."""
    folder = Path(tempfile.mkdtemp(prefix="notifier-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def reaper(service_dir: Path) -> Iterator[Reaper]:
    """Ends every server if the run itself is killed."""
    reaper = Reaper()
    yield reaper
    reaper.close()


@pytest.fixture(scope="session")
def valkey(service_dir: Path, reaper: Reaper) -> Iterator[Valkey]:
    """A Valkey for the whole run. Do not stop it: fault tests take `fresh_valkey`."""
    yield from _valkey(service_dir, reaper)


@pytest.fixture
def fresh_valkey(service_dir: Path, reaper: Reaper) -> Iterator[Valkey]:
    """A Valkey of the test's own, to stop, kill and freeze."""
    yield from _valkey(service_dir, reaper)


def _valkey(parent: Path, reaper: Reaper) -> Iterator[Valkey]:
    server = Valkey(Path(tempfile.mkdtemp(prefix="valkey-", dir=parent)), reaper)
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres(service_dir: Path, reaper: Reaper) -> Iterator[Postgres]:
    """A PostgreSQL for the whole run; `fresh_database()` gives a test one of its own."""
    from tests.services.postgres import Postgres

    folder = service_dir / "postgres"
    folder.mkdir()
    server = Postgres(folder, reaper)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    url = postgres.fresh_database()
    yield url
    postgres.return_database(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'notifier.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database, once on each engine."""
    name = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    return str(request.getfixturevalue(name))


@pytest.fixture
def serve(tmp_path: Path, reaper: Reaper, valkey: Valkey) -> Iterator[Serve]:
    """A function that starts the deployed app: `serve(env={...}, workers=2)`.

    It creates the tables, waits for `ready` and returns a `ServerProcess`. What `env` leaves out
    is a SQLite file of the test's own and the broker of the run, never the checkout's instance/.
    """
    defaults = {"DATABASE_URL": f"sqlite:///{tmp_path / 'served.db'}", "REDIS_URL": valkey.url}
    servers: list[ServerProcess] = []

    def start(
        env: Mapping[str, str] | None = None,
        workers: int = 1,
        port: int | None = None,
        ready: str | None = "/healthz",
        init_db: bool = True,
    ) -> ServerProcess:
        settings = defaults | dict(env or {})
        server = ServerProcess(tmp_path, reaper, env=settings, workers=workers, port=port)
        servers.append(server)
        if init_db:
            server.flask("notifier", "init-db")
        server.start(ready)
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def deployed(
    tmp_path_factory: pytest.TempPathFactory, reaper: Reaper, valkey: Valkey, postgres: Postgres
) -> Iterator[ServerProcess]:
    """The deployed app for tests that only ask: two workers on PostgreSQL, behind one proxy."""
    env = {
        "DATABASE_URL": postgres.fresh_database(),
        "REDIS_URL": valkey.url,
        "NOTIFIER_CHANNEL": "deployed",
        "NOTIFIER_TRUSTED_PROXIES": "1",
    }
    server = ServerProcess(tmp_path_factory.mktemp("deployed"), reaper, env=env, workers=2)
    server.flask("notifier", "init-db")
    server.start("/readyz")
    yield server
    server.close()


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with key.pem and fullchain.pem for localhost, and both of them in both.pem."""
    folder = tmp_path_factory.mktemp("tls")
    key, chain = folder / "key.pem", folder / "fullchain.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-keyout", key, "-out", chain], check=True, capture_output=True)
    (folder / "both.pem").write_text(chain.read_text() + key.read_text())
    return folder


@pytest.fixture(scope="session")
def chromium_executable() -> str:
    """The path of a Chromium: from PATH, else the one playwright installed."""
    for name in CHROMIUM_NAMES:
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    if not Path(path).exists():
        unavailable("no Chromium: install it, or run `make test`, which does")
    return path


@pytest.fixture(scope="session")
def browser(chromium_executable: str) -> Iterator[Browser]:
    """A headless Chromium for the whole run; a test opens contexts of its own and closes them."""
    from playwright.sync_api import sync_playwright

    # Chromium's sandbox cannot be set up by root.
    flags = CHROMIUM_FLAGS + (["--no-sandbox"] if os.geteuid() == 0 else [])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_executable, args=flags)
        yield browser
        browser.close()
