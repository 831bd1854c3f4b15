"""The Engine.IO sessions of this worker, whoever opened them: ending those that must end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from .joint import Joint
from .presence import Presence

__all__ = ["Sessions"]

log = logging.getLogger("notifier.web")

_POLL_SECONDS = 0.02


class Sessions:
    """Closes sessions that never sign in, and all of them at the end.

    A socket that opens a connection and never sends a Socket.IO CONNECT, or was refused and
    stays, would otherwise be kept alive by its heartbeats for ever.
    """

    def __init__(
        self,
        joint: Joint,
        presence: Presence,
        patience: float,
        gone: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = joint.server
        self._namespace = joint.namespace
        self._shared = joint.shared
        self._presence = presence
        self._patience = patience
        self._gone = gone
        self._now = now
        self._strangers: dict[str, float] = {}
        self._orphans: dict[str, float] = {}
        self.reaped = 0

    def reap(self) -> None:
        """Close sessions that have been without a namespace for ``patience`` seconds, and forget
        sockets that vanished while they were connecting.
        """
        strangers = [sid for sid in list(self._server.eio.sockets) if not self._signed_in(sid)]
        self._strangers, overdue = self._overdue(self._strangers, strangers)
        for eio_sid in overdue:
            self.reaped += 1
            self._server.start_background_task(self._server.eio.disconnect, eio_sid)
        connected = self._server.manager.is_connected
        orphans = [sid for sid in self._presence.sids() if not connected(sid, self._namespace)]
        self._orphans, gone = self._overdue(self._orphans, orphans)
        for sid in gone:
            self._gone(sid)

    def close_all(self, timeout: float) -> None:
        """Close every session, so that the clients connect elsewhere; wait for that a while.

        The transport is closed, not the namespace: after the latter a client stays away. On a
        server that is shared, those that are not in our namespace are left alone.
        """
        deadline = self._now() + timeout
        for eio_sid in self._ours():
            self._server.start_background_task(self._server.eio.disconnect, eio_sid)
        while self._ours() and self._now() < deadline:
            self._server.sleep(_POLL_SECONDS)

    def _ours(self) -> list[str]:
        sessions = list(self._server.eio.sockets)
        if not self._shared:
            return sessions
        find = self._server.manager.sid_from_eio_sid
        return [eio_sid for eio_sid in sessions if find(eio_sid, self._namespace)]

    def _signed_in(self, eio_sid: str) -> bool:
        manager = self._server.manager
        namespaces = list(manager.get_namespaces())
        return any(manager.sid_from_eio_sid(eio_sid, name) for name in namespaces)

    def _overdue(
        self, before: dict[str, float], current: list[str]
    ) -> tuple[dict[str, float], list[str]]:
        """Since when each of ``current`` has been seen, and those whose patience is over."""
        now = self._now()
        seen = {sid: before.get(sid, now) for sid in current}
        return seen, [sid for sid, since in seen.items() if now - since >= self._patience]
