"""Compare what is kept (counters, clocks, badges) with what the rows themselves say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, Text, cast, func, select, type_coerce, union

from .inbox import write
from .models import UNREAD, JsonText, inboxes, messages, notifications
from .operations import Recount, Written
from .stamps import Clock, system_clock

__all__ = ["Finding", "audit", "repair"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong for one user: what is stored, and what it should be."""

    user: str
    what: str
    stored: object
    truth: object

    def __str__(self) -> str:
        return f"{self.user}: {self.what} is {self.stored}, should be {self.truth}"


def audit(connection: Connection) -> list[Finding]:
    """Everything that is wrong, by user. One statement, so that it sees one moment.

    Reads the stamp of every message once; run it when the database has the time.
    """
    findings: list[Finding] = []
    for row in connection.execute(_statement(), execution_options={"stream_results": True}):
        findings.extend(_findings(row))
    return findings


def repair(
    connection: Connection, findings: Sequence[Finding], clock: Clock = system_clock
) -> Written:
    """Set right what ``findings`` name, through the stamp primitive, so that pages follow."""
    users = dict.fromkeys(finding.user for finding in findings)
    return write(connection, [Recount(user) for user in users], clock)


def _statement() -> Select[Any]:
    everyone = union(
        select(inboxes.c.user_id),
        select(messages.c.recipient_id),
        select(notifications.c.user_id),
    ).subquery()
    unread = (
        select(messages.c.recipient_id, func.count().label("unread"))
        .where(messages.c.read_at.is_(None))
        .group_by(messages.c.recipient_id)
        .subquery()
    )
    newest = (
        select(notifications.c.user_id, func.max(notifications.c.stamp).label("head"))
        .group_by(notifications.c.user_id)
        .subquery()
    )
    sent = (
        select(messages.c.recipient_id, func.max(messages.c.stamp).label("stamp"))
        .group_by(messages.c.recipient_id)
        .subquery()
    )
    shown = select(notifications).where(notifications.c.name == UNREAD).subquery()
    user = everyone.c.user_id
    return (
        select(
            user,
            func.coalesce(inboxes.c.unread, 0).label("counter"),
            func.coalesce(inboxes.c.clock, 0).label("clock"),
            func.coalesce(unread.c.unread, 0).label("unread"),
            func.coalesce(newest.c.head, 0).label("head"),
            func.coalesce(sent.c.stamp, 0).label("sent"),
            type_coerce(cast(shown.c.data, Text), JsonText).label("badge"),
        )
        .select_from(everyone)
        .outerjoin(inboxes, inboxes.c.user_id == user)
        .outerjoin(unread, unread.c.recipient_id == user)
        .outerjoin(newest, newest.c.user_id == user)
        .outerjoin(sent, sent.c.recipient_id == user)
        .outerjoin(shown, shown.c.user_id == user)
        .order_by(user)
    )


def _findings(row: Row[Any]) -> list[Finding]:
    wrong = []
    if row.counter != row.unread:
        wrong.append(Finding(row.user_id, "unread counter", row.counter, row.unread))
    if (row.badge or 0) != row.unread:
        wrong.append(Finding(row.user_id, "unread notification", row.badge, row.unread))
    # The clock stands at the newest notification, which is newer than every message.
    if row.clock != row.head or row.clock < row.sent:
        wrong.append(Finding(row.user_id, "clock", row.clock, max(row.head, row.sent)))
    return wrong
