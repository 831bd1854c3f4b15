"""eventlet takes the place of sockets, locks and threads in this process."""

from __future__ import annotations

import sys
import warnings

__all__ = ["patch"]


def patch() -> None:
    """Replace the blocking parts of the standard library. Harmless when it was done before.

    Call it before anything else is imported: a module that copied a socket or made a lock
    earlier keeps the blocking one. Where Flask is loaded already it is too late, and nothing is
    done: that is the ``flask`` command, which holds no sockets and is served well by threads.
    """
    if "flask" in sys.modules:
        return
    with warnings.catch_warnings():
        # It would be printed at every start, and to nobody who can act on it: the choice of
        # server is made in this folder.
        warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
        import eventlet

    eventlet.monkey_patch()
