"""What is done before a process ends by itself, also one that multiprocessing forked."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["before_exit"]

# Finalizers with a priority below 0, or none, are not run at the end of a process.
_PRIORITY = 0


def before_exit(call: Callable[[], None]) -> Callable[[], None]:
    """Have ``call`` called before this process ends; the result takes that back."""
    atexit.register(call)
    # Its children end without running exit handlers, but they do run its own finalizers. A process
    # that has not imported it is no child of its.
    util: Any = sys.modules.get("multiprocessing.util")
    finalizer = util.Finalize(None, call, exitpriority=_PRIORITY) if util else None

    def take_back() -> None:
        atexit.unregister(call)
        if finalizer is not None:
            finalizer.cancel()

    return take_back
