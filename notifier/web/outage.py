"""A database that cannot serve, as one process sees it: from the first failure to the last."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from ..outages import OutcomeUnknown, is_missing_table, is_outage, reason

__all__ = ["Outage"]

log = logging.getLogger("notifier.web")

# Between two questions whether it serves again, in seconds.
_ASK_SECONDS = 0.5

_UNKNOWN = (
    "The connection to the database was lost while it was storing this: it may or may not have "
    "been stored. Look before you send it again."
)
_LATER = "The database cannot serve at the moment; nothing was changed. Try again."


class Outage:
    """Logs one line when the database begins to fail and one when it serves again.

    In between, ``ping`` asks it for a sign of life from a thread of its own; ``recovered`` is
    called as soon as there is one.
    """

    retry_after = 2
    """What to say in ``Retry-After`` meanwhile, in seconds."""

    def __init__(self, ping: Callable[[], None], recovered: Callable[[], None]) -> None:
        self._ping = ping
        self._recovered = recovered
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._began: float | None = None
        self._failures = 0
        self.count = 0
        self.refused = 0
        self.unknown = 0

    @property
    def open(self) -> bool:
        """Whether there is one right now."""
        return self._began is not None

    def refuse(self, error: BaseException) -> str | None:
        """What to tell whoever asked, with a 503; None if ``error`` is no outage but a fault."""
        if not isinstance(error, SQLAlchemyError) or not is_outage(error):
            return None
        self.refused += 1
        self.note(error)
        if isinstance(error, OutcomeUnknown):
            self.unknown += 1
            return _UNKNOWN
        return _LATER

    def note(self, error: SQLAlchemyError) -> None:
        """Something could not be read or written because of ``error``."""
        with self._lock:
            self._failures += 1
            if self._began is not None:
                return
            self._began = time.monotonic()
            self._failures = 1
            self.count += 1
        log.warning("%s", _beginning(error))
        threading.Thread(target=self._wait, name="outage", daemon=True).start()

    def stop(self) -> None:
        """Ask no more."""
        self._stopped.set()

    def _wait(self) -> None:
        while not self._stopped.wait(_ASK_SECONDS):
            try:
                self._ping()
            except Exception as error:  # noqa: BLE001 -- asked again until it is none
                log.debug("The database still cannot serve: %s", error)
            else:
                self._end()
                return

    def _end(self) -> None:
        with self._lock:
            began, self._began = self._began, None
            failures = self._failures
        assert began is not None
        log.warning(
            "The database serves again after %.1f s, in which %d requests, sockets and sweeps "
            "were turned away; open pages catch up now.",
            time.monotonic() - began,
            failures,
        )
        self._recovered()


def _beginning(error: SQLAlchemyError) -> str:
    if is_missing_table(error):
        return f"The database has no tables ({reason(error)}). Run `flask notifier init-db`."
    return (
        f"The database cannot serve ({reason(error)}): requests get a 503, sockets stay open and "
        "are told nothing. Check DATABASE_URL and the server."
    )
