"""Whether database and tables are those that this code needs, and can be shared as they are."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from ..outages import is_missing_table
from ..schema import REVISIONS
from .company import Company

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["Readiness"]

log = logging.getLogger("notifier.web")

# Version 0.1 kept no account of it.
_UNVERSIONED = "without a revision"
_OLDER = (
    "The notifier's tables are older than this version (%s, it needs %s): some requests will "
    "fail. Run `flask notifier upgrade`."
)
_NEWER = (
    "The notifier's tables are newer than this version (%s, it knows %s). It serves on, as old "
    "workers must while a deployment is under way."
)


class Readiness:
    """Asks the database; tells once what somebody has to do about its tables."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._told: str | None = None
        self.company = Company(notifier)

    def database(self) -> str:
        """``ok``, ``unreachable``, ``unprepared`` (no tables) or ``outdated`` (older ones)."""
        try:
            self._notifier.store.ping()
            return self._judge(self._revision())
        except SQLAlchemyError as error:
            self._notifier.outage.note(error)
            return "unprepared" if is_missing_table(error) else "unreachable"

    def _revision(self) -> str:
        try:
            return self._notifier.store.revision() or _UNVERSIONED
        except SQLAlchemyError as error:
            # Our tables were there just now.
            if is_missing_table(error):
                return _UNVERSIONED
            raise

    def _judge(self, found: str) -> str:
        newest = REVISIONS[-1]
        if found == newest:
            self._told = None
            return "ok"
        older = found in (*REVISIONS, _UNVERSIONED)
        if self._told != found:
            self._told = found
            log.warning(_OLDER if older else _NEWER, found, newest)
        return "outdated" if older else "ok"
