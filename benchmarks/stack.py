"""The services that every peer shares: PostgreSQL and Valkey, on ports of their own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.database import Database
from tests.services.process import Reaper
from tests.services.valkey import Valkey


@dataclass
class Stack:
    """Services that run, and a folder for logs."""

    folder: Path
    reaper: Reaper
    database: Database
    valkey: Valkey


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Start the services; end them, and whatever else the reaper knows of, at the end."""
    folder = Path(tempfile.mkdtemp(prefix="notifier-bench-"))
    folder.chmod(0o755)
    for name in ("postgres", "valkey"):
        (folder / name).mkdir()
    reaper = Reaper()
    database = Database(folder / "postgres", reaper)
    valkey = Valkey(folder / "valkey", reaper)
    try:
        database.start()
        valkey.start()
        yield Stack(folder, reaper, database, valkey)
    finally:
        valkey.close()
        database.stop()
        reaper.close()
        shutil.rmtree(folder, ignore_errors=True)
