"""Says once that something does not work, and once that it works again."""

from __future__ import annotations

import logging

__all__ = ["Complaint"]

log = logging.getLogger("notifier.client")


class Complaint:
    """One thing that may fail for a while: of an outage only the first failure is logged."""

    def __init__(self, consequence: str, relief: str) -> None:
        self._consequence = consequence
        self._relief = relief
        self._outage = False

    def failed(self, error: BaseException) -> None:
        """It failed."""
        if not self._outage:
            log.warning("%s: %s", self._consequence, str(error) or type(error).__name__)
        self._outage = True

    def worked(self) -> None:
        """It works."""
        if self._outage:
            log.info(self._relief)
        self._outage = False
