"""How long things are kept, in transactions of the notifier's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from .checks import patterns, user_id
from .ownstore import OnStore
from .retention import Erased, Expired, Retention

__all__ = ["Keeping"]


class Keeping(OnStore):
    """The half of ``Notifier`` that forgets. All of it happens now, in many small transactions."""

    def erase(self, user: object) -> Erased:
        """Delete all messages and notifications of ``user``, and the sender of what ``user`` sent.

        Delete the user of your app first, so that nobody sends to it in between.
        """
        return Retention(self.store).erase(user_id(user, "user"))

    def expire(self, read_before: timedelta | datetime) -> Expired:
        """Delete messages that were read before then, or that long ago; unread ones stay.

        Inboxes that have been empty for a day go too. Raises InvalidInput for a time in the
        future, or one without a time zone.
        """
        return Retention(self.store).expire(read_before)

    def expire_notifications(
        self, names: str | Iterable[str], told_before: timedelta | datetime
    ) -> int:
        """Delete notifications of one or many ``names`` told before then, or that long ago.

        ``*`` at the end of a name stands for anything: ``task_progress:*``. Each user's newest
        notification stays, whatever its name, as the cursors of pages stand there. Returns how
        many. Raises InvalidInput for malformed names and as ``expire``.
        """
        return Retention(self.store).expire_notifications(patterns(names), told_before)

    def export(self, user: object) -> Iterator[str]:
        """What is stored for ``user``, as lines of JSON, oldest message first."""
        return Retention(self.store).export(user_id(user, "user"))
