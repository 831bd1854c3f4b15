"""Which of Engine.IO's async modes fits this process."""

from __future__ import annotations

import sys

__all__ = ["detect_async_mode"]


def detect_async_mode() -> str:
    """Return ``"eventlet"`` or ``"gevent"`` if that has patched the sockets of this process.

    Else ``"threading"``. It imports neither: a library that nobody imported patched nothing.
    """
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None and eventlet.is_monkey_patched("socket"):
        return "eventlet"
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_module_patched("socket"):
        return "gevent"
    return "threading"
