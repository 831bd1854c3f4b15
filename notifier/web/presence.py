"""Who has a socket on this worker, and up to which stamp they were told."""

from __future__ import annotations

import threading

__all__ = ["Presence"]


class Presence:
    """The users with sockets here, by socket id, and the newest stamp emitted to each of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: dict[str, set[str]] = {}
        self._user: dict[str, str] = {}
        self._told: dict[str, int] = {}

    def join(self, sid: str, user: str, most: int) -> bool:
        """Add a socket of ``user``; False if the user has ``most`` of them already."""
        with self._lock:
            sockets = self._sockets.setdefault(user, set())
            if len(sockets) >= most:
                return False
            sockets.add(sid)
            self._user[sid] = user
            return True

    def leave(self, sid: str) -> str | None:
        """Remove a socket; the user, if it was the last one of that user."""
        with self._lock:
            user = self._user.pop(sid, None)
            if user is None:
                return None
            self._sockets[user].discard(sid)
            if self._sockets[user]:
                return None
            del self._sockets[user]
            self._told.pop(user, None)
            return user

    def users(self) -> list[str]:
        """Everyone with a socket here."""
        with self._lock:
            return list(self._sockets)

    def sids(self) -> list[str]:
        """Every socket here."""
        with self._lock:
            return list(self._user)

    def has(self, user: str) -> bool:
        """Whether ``user`` has a socket here."""
        return user in self._sockets

    def told(self, user: str) -> int:
        """The newest stamp that was emitted to every socket of ``user``, -1 if none was."""
        return self._told.get(user, -1)

    def tell(self, user: str, stamp: int) -> None:
        """Note that ``stamp`` was emitted to the user's whole room."""
        with self._lock:
            if user in self._sockets:
                self._told[user] = max(stamp, self._told.get(user, 0))

    def tell_one(self, sid: str, stamp: int) -> None:
        """Note that ``stamp`` was emitted to one socket.

        It counts for the user only while that is the only socket: another one may have missed
        what this one was told, and the sweep must still find that.
        """
        with self._lock:
            user = self._user.get(sid)
            if user is not None and len(self._sockets[user]) == 1:
                self._told[user] = max(stamp, self._told.get(user, 0))

    def forget(self, user: str) -> None:
        """Note that a socket of ``user`` was told nothing: the next sweep tells the room."""
        with self._lock:
            self._told.pop(user, None)
