"""The use cases around messages: from checked arguments to operations, and the list of an inbox."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from . import checks
from .config import Settings
from .errors import InvalidInput
from .models import messages
from .operations import MarkRead, NewMessage, SetNotification
from .stamps import LATEST, from_seconds, to_seconds

__all__ = ["Message", "list_messages", "mark_read", "notify", "send"]

LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its recipient sees it. ``timestamp`` is in seconds."""

    id: int
    to: str
    sender: str | None
    body: str
    timestamp: float
    read: bool


def send(settings: Settings, to: object, body: object, sender: object = None) -> list[NewMessage]:
    """The operations that send ``body`` to one user or many. Raises InvalidInput."""
    text = checks.body(body, settings.max_body)
    author = None if sender is None else checks.user_id(sender, "from")
    users = checks.recipients(to, settings.max_recipients)
    return [NewMessage(user, text, author) for user in users]


def notify(settings: Settings, to: object, name: object, data: object) -> list[SetNotification]:
    """The operations that set notification ``name`` of one user or many. Raises InvalidInput."""
    checked_name = checks.name(name)
    value = checks.data(data, settings.max_data)
    users = checks.recipients(to, settings.max_recipients)
    return [SetNotification(user, checked_name, value) for user in users]


def mark_read(user: object, up_to: float | None = None, ids: object = None) -> MarkRead:
    """The operation that marks messages read, up to a timestamp in seconds or by ids.

    Raises InvalidInput unless exactly one of the two is given.
    """
    if (up_to is None) == (ids is None):
        raise InvalidInput("up_to", "give either up_to or ids")
    owner = checks.user_id(user, "user")
    if up_to is not None:
        return MarkRead(owner, up_to=from_seconds(up_to, "up_to"))
    return MarkRead(owner, ids=checks.ids(ids, LARGEST_PAGE))


def list_messages(
    connection: Connection, user: str, before: float | None = None, limit: int = 20
) -> list[Message]:
    """The user's messages, newest first, older than the timestamp ``before``, at most ``limit``.

    Raises InvalidInput for a ``limit`` that is not 1 to 100 or a ``before`` that is no timestamp.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidInput("limit", f"must be 1 to {LARGEST_PAGE}")
    older = LATEST if before is None else from_seconds(before, "before")
    rows = connection.execute(
        select(messages)
        .where(messages.c.recipient_id == user, messages.c.stamp < older)
        .order_by(messages.c.stamp.desc())
        .limit(limit)
    )
    return [
        Message(
            id=row.id,
            to=row.recipient_id,
            sender=row.sender_id,
            body=row.body,
            timestamp=to_seconds(row.stamp),
            read=row.read_at is not None,
        )
        for row in rows
    ]
