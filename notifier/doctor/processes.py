"""How the app is served: green threads, and how many processes share what."""

from __future__ import annotations

from .report import Result, ok, skipped, warning, wrong
from .site import Site

__all__ = ["patching", "server_workers", "workers"]

_NOT_SQLITE = "Set DATABASE_URL=postgresql://..., or run one worker."
_DEAF = (
    "A user's events reach at once only the sockets of the worker that wrote them, the others' "
    "pages follow by the sweep. Set REDIS_URL in every process."
)
_ASSUMED = " (assumed: nothing here says how many; --workers does, and with --url the server)"
_FIRST_LINES = {
    "eventlet": "from notifier.engine.patching import patch; patch()",
    "gevent": "from gevent import monkey; monkey.patch_all()",
}
_ONE_AT_A_TIME = ("sync", "gunicorn.workers.sync.SyncWorker")


def patching(site: Site) -> Result:
    """Whether sockets and locks are patched before anything takes a copy of them."""
    launch = site.launch
    if launch.problem:
        return skipped(launch.problem)
    if launch.patched_by is None:
        return ok(
            "nothing is patched by the app; threads serve it, or a worker class that patches first"
        )
    if launch.late:
        return wrong(
            f"{launch.patched_by} patches sockets and locks after {', '.join(launch.late)} "
            "was imported",
            "What was imported first stays blocking: one slow answer stops every socket of the "
            f"worker. Make `{_FIRST_LINES[launch.patched_by]}` the first line of "
            f"{str(site.module).partition(':')[0]}, before any other import, and import nothing in "
            "gunicorn.conf.py.",
        )
    return ok(f"{launch.patched_by} patches sockets and locks before anything else is imported")


def workers(site: Site) -> Result:
    """Whether the processes share a database and a broker that can be shared."""
    count, said_by = site.workers
    sqlite = site.engine.dialect.name == "sqlite"
    if count > 1 and sqlite:
        return wrong(
            f"{count} workers ({said_by}) on SQLite",
            f"They would wait for its one write lock. {_NOT_SQLITE}",
        )
    if count > 1 and not site.settings.redis_url:
        return wrong(
            f"{count} workers ({said_by}) without a broker",
            f"{_DEAF} If gunicorn.conf.py starts the embedded Valkey, start the server first and "
            "ask again.",
        )
    if site.launch.worker_class in _ONE_AT_A_TIME:
        return warning(
            f"gunicorn's worker class is {site.launch.worker_class}",
            "It serves one request at a time, so an open socket takes a whole worker until it is "
            "killed. Set worker_class = 'notifier.engine.worker.EventletWorker', unless -k on the "
            "command line names one already.",
        )
    if not site.settings.redis_url:
        return warning(
            f"one worker without a broker{_ASSUMED if not said_by else ''}",
            "What the command line and other processes send reaches open pages by the next sweep "
            f"({site.settings.sweep_interval:g} s) or poll. Set REDIS_URL to show it at once.",
        )
    if not said_by:
        return ok(f"one worker with a broker{_ASSUMED}")
    return ok(f"{count} configured ({said_by}), with a broker")


def server_workers(site: Site) -> Result:
    """Whether the processes that the server at the public address says it has can share things."""
    count, _ = site.workers
    if site.several_serve is None:
        return skipped("only /readyz could say it")
    if not site.several_serve:
        return ok("the server says of no other process")
    if site.engine.dialect.name == "sqlite":
        return wrong(
            "several processes serve there, on SQLite",
            f"They wait for its one write lock, and requests fail under load. {_NOT_SQLITE}",
        )
    if site.broker_of_server == "none":
        return wrong("several processes serve there, without a broker", _DEAF)
    if count == 1:
        return warning(
            "several processes serve there, and here one is assumed",
            "Say how many: --workers. The connections of all of them count.",
        )
    return ok("several processes serve there, with a broker")
