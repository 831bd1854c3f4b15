"""What a faulty world stands on: PostgreSQL and Valkey, each behind a proxy."""

from __future__ import annotations

import shutil
import signal
import tempfile
from pathlib import Path

from tests.faults.background import Background
from tests.faults.proxy import Proxy
from tests.services.postgres import Postgres
from tests.services.process import Reaper
from tests.services.valkey import Valkey


class LastingPostgres(Postgres):
    """Keeps its data from one ``start`` to the next."""

    def _initdb(self, data: Path) -> None:
        if not data.exists():
            super()._initdb(data)

    def crash(self) -> None:
        """End at once, without a checkpoint; the next start has to recover."""
        assert self._process is not None
        self._process.stop(signal.SIGQUIT)
        self._process = None

    @property
    def running(self) -> bool:
        return self._process is not None


class Services:
    """Started once for many worlds; ``reset`` makes everything whole and empty again."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="notifier-faults-"))
        self.folder.chmod(0o755)
        self.reaper = Reaper()
        self.background = Background()
        self.postgres = LastingPostgres(self._subfolder("postgres"), self.reaper)
        self.postgres.start()
        self.database = self.postgres.fresh_database()
        self.valkey = Valkey(self._subfolder("valkey"), self.reaper)
        self.redis_proxy = Proxy(self.background, self.valkey.port)
        self.database_proxy = Proxy(self.background, self.postgres.port)
        self._valkey_runs = False

    @property
    def database_url(self) -> str:
        """The database as workers see it, through the proxy."""
        return self.database.replace(
            f":{self.postgres.port}/", f":{self.database_proxy.port}/"
        ).replace("localhost", "127.0.0.1")

    @property
    def redis_url(self) -> str:
        """Valkey as workers see it, through the proxy."""
        return f"redis://127.0.0.1:{self.redis_proxy.port}/0"

    def start_valkey(self) -> None:
        self.valkey.start()
        self._valkey_runs = True

    def kill_valkey(self) -> None:
        """As a crash does: connections end, and new ones are refused."""
        self.redis_proxy.refuse()
        self.valkey.close()
        self._valkey_runs = False

    def reset(self) -> None:
        """Run both servers, heal both proxies."""
        if not self.postgres.running:
            self.postgres.start()
        if not self._valkey_runs:
            self.start_valkey()
        self.valkey.thaw()
        for proxy in (self.redis_proxy, self.database_proxy):
            proxy.cut()
            proxy.heal()

    def close(self) -> None:
        self.redis_proxy.close()
        self.database_proxy.close()
        self.background.close()
        self.valkey.close()
        self.postgres.stop()
        self.reaper.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _subfolder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder
