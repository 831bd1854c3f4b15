"""The other processes that serve the same app, and what they have to share with this one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import NotifierError
from ..publisher import MemoryPublisher

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["Company"]

log = logging.getLogger("notifier.web")

_ON_SQLITE = (
    "Several processes serve this app on SQLite: they wait for its one write lock, and requests "
    "fail under load. Set DATABASE_URL=postgresql://..., or run one worker."
)
_WITHOUT_BROKER = (
    "Several processes serve this app without a broker: a user's pages are told at once only by "
    "the process that wrote, and by the others at their next sweep (%g s). Set REDIS_URL=redis://"
    "... in every process, or run one worker."
)


class Company:
    """Whether there are others, and what is wrong with that."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._known = False
        self.several = False

    def meet(self, *, several: bool) -> list[str]:
        """Note what the server says of its processes; what they lack, in sentences to log."""
        self._known, self.several = True, several
        return self._lacks() if several else []

    def note(self, environ: Mapping[str, Any]) -> None:
        """Learn it from a request (WSGI) where the server has not said it; log what is wrong."""
        if not self._known:
            for problem in self.meet(several=bool(environ.get("wsgi.multiprocess"))):
                log.error(problem)

    def _lacks(self) -> list[str]:
        problems = [_ON_SQLITE] if self._on_sqlite() else []
        if isinstance(self._notifier.publisher, MemoryPublisher):
            problems.append(_WITHOUT_BROKER % self._notifier.settings.sweep_interval)
        return problems

    def _on_sqlite(self) -> bool:
        try:
            return self._notifier.engine.dialect.name == "sqlite"
        except NotifierError:
            # It comes again where the engine is needed; a page of the host's may not need it.
            return False
