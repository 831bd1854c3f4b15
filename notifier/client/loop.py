"""One thread on which everything happens, one thing after the other."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

__all__ = ["Loop"]

Action = Callable[[], None]


class Loop:
    """Runs what other threads post, and timers. Timers are set on the loop's own thread only.

    An exception that an action raises ends the loop and is handed to ``died``.
    """

    def __init__(self, died: Callable[[BaseException], None]) -> None:
        self._died = died
        self._posted: queue.Queue[Action] = queue.Queue()
        self._timers: dict[str, tuple[float, Action]] = {}
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="notifier-follow", daemon=True)

    def start(self) -> None:
        """Begin. Only once."""
        self._thread.start()

    def post(self, action: Action) -> None:
        """Run ``action`` on the loop's thread, soon. For any thread."""
        self._posted.put(action)

    def after(self, purpose: str, delay: float, action: Action) -> None:
        """Run ``action`` in ``delay`` seconds, instead of what this purpose had in mind."""
        self._timers[purpose] = (time.monotonic() + delay, action)

    def hasten(self, purpose: str, delay: float) -> None:
        """Run the timer of this purpose, if there is one, in ``delay`` seconds at the latest."""
        if purpose in self._timers:
            due, action = self._timers[purpose]
            self._timers[purpose] = (min(due, time.monotonic() + delay), action)

    def waits_for(self, purpose: str) -> bool:
        """Whether a timer of this purpose is set."""
        return purpose in self._timers

    def cancel(self, purpose: str) -> None:
        """Forget the timer of this purpose, if there is one."""
        self._timers.pop(purpose, None)

    def stop(self, timeout: float) -> None:
        """Do nothing more, and wait for at most ``timeout`` seconds until that is so."""
        self._stopped = True
        self.post(lambda: None)
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _run(self) -> None:
        try:
            while not self._stopped:
                action = self._next()
                if not self._stopped:
                    action()
        except Exception as error:  # noqa: BLE001 -- it is raised where it is noticed
            self._died(error)

    def _next(self) -> Action:
        purpose = min(self._timers, key=lambda name: self._timers[name][0], default=None)
        if purpose is None:
            return self._posted.get()
        due, action = self._timers[purpose]
        left = due - time.monotonic()
        try:
            # What is due comes first: a flood of events must not hold up a timer.
            if left > 0:
                return self._posted.get(timeout=left)
        except queue.Empty:
            pass
        del self._timers[purpose]
        return action
