"""gunicorn -c gunicorn.conf.py wsgi:app (settings: https://docs.gunicorn.org)."""

import os
from pathlib import Path

from notifier.engine import hooks

_INSTANCE = Path(__file__).resolve().parent / "instance"

bind = hooks.default_bind(os.environ)
workers = int(os.environ.get("WEB_CONCURRENCY") or 1)
worker_class = "notifier.engine.worker.EventletWorker"

# Open connections a worker holds at a time. More wait in the kernel, or go to other workers.
worker_connections = 20_000

# Longer than the 60 s for which load balancers keep idle connections to us: a balancer that
# writes into one we just closed answers its client with an error.
keepalive = 75

# Platforms kill 30 s after asking a process to stop.
graceful_timeout = 25

# Each worker loads the application after it has patched sockets and locks.
preload_app = False

# The control socket's path is the same for every app of a user.
control_socket_disable = True

# A heartbeat file on a slow disk would make a busy worker look dead.
_MEMORY = Path("/dev/shm")  # noqa: S108 -- gunicorn makes an anonymous file there
worker_tmp_dir = str(_MEMORY) if _MEMORY.is_dir() else None


def on_starting(server):
    hooks.on_starting(server, _INSTANCE)


def post_worker_init(worker):
    hooks.post_worker_init(worker)


def on_exit(server):
    hooks.on_exit(server)
