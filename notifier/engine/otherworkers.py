"""What our own worker does for a notifier, for those of gunicorn: gevent and threads."""

from __future__ import annotations

import threading
import time
from typing import Any

from .appstop import find_notifier
from .modes import detect_async_mode
from .worker import EventletWorker

__all__ = ["post_worker_init"]

_LOOK = 0.1  # seconds between two looks at whether the worker goes on
_LONGEST_STOP = 5.0  # seconds for closing the sockets, or a third of the time there is
# gevent's worker looks once a second whether it is to end, and takes connections until then.
_STILL_ACCEPTING = 2.0


def post_worker_init(worker: Any) -> None:
    """Start the notifier before the first connection, and stop it as soon as the worker is to end.

    gunicorn's hook of this name. Without it these workers wait for open WebSockets until
    ``graceful_timeout`` is over, and cut them then. Harmless with our own worker.
    """
    if isinstance(worker, EventletWorker):
        return
    notifier = find_notifier(worker.wsgi)
    if notifier is None:
        return
    notifier.start()
    stopper = threading.Thread(
        target=_stop_with, args=(worker, notifier), name="notifier stopper", daemon=True
    )
    stopper.start()


def _stop_with(worker: Any, notifier: Any) -> None:
    while worker.alive:
        time.sleep(_LOOK)
    if detect_async_mode() == "gevent":
        _await_closed(worker.sockets)
    try:
        notifier.stop(min(_LONGEST_STOP, worker.cfg.graceful_timeout / 3))
    except Exception:
        worker.log.exception("the notifier failed to stop; its sockets are cut")


def _await_closed(listeners: Any) -> None:
    """Until nobody can connect: whoever is sent away sooner comes right back."""
    deadline = time.monotonic() + _STILL_ACCEPTING
    while any(one.fileno() >= 0 for one in listeners) and time.monotonic() < deadline:
        time.sleep(_LOOK)
