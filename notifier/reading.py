"""What can be read of the inboxes, in transactions of the notifier's own."""

from __future__ import annotations

from .audit import Finding
from .checks import user_id
from .messages import Message
from .operations import Badge, Event
from .ownstore import OnStore
from .stamps import from_seconds

__all__ = ["Reading"]


class Reading(OnStore):
    """The reading half of ``Notifier``. Users are ids of any type that prints."""

    def badge(self, user: object) -> Badge:
        """The unread count of ``user`` and the cursor that belongs to it, of one moment."""
        return self.store.badge(user_id(user, "user"))

    def unread_count(self, user: object) -> int:
        """How many messages ``user`` has not read."""
        return self.badge(user).count

    def head(self, user: object) -> float:
        """The timestamp of the user's newest notification, 0 if there is none."""
        return self.badge(user).since

    def since(self, user: object, since: float = 0.0) -> list[Event]:
        """The user's notifications after the timestamp ``since``, ascending."""
        stamp = from_seconds(since, "since")
        return self.store.since(user_id(user, "user"), stamp)

    def list_messages(
        self, user: object, before: float | None = None, limit: int = 20
    ) -> list[Message]:
        """The user's messages, newest first, older than the timestamp ``before``."""
        return self.store.list_messages(user_id(user, "user"), before, limit)

    def audit(self, repair: bool = False) -> list[Finding]:
        """What is wrong in the database; with ``repair`` it is also set right."""
        return self.store.audit(repair)
