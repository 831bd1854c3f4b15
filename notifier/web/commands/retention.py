"""``flask notifier erase``, ``expire…`` and ``export``: what is kept of whom, and for how long."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

if TYPE_CHECKING:
    from ...extension import Notifier

__all__ = ["register"]

_AGE = re.compile(r"([0-9]{1,6})([hdw])", re.ASCII)
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def register(group: AppGroup, notifier: Notifier) -> None:
    """Add the commands to ``group``."""

    @group.command("erase")
    @click.argument("users", nargs=-1, required=True, metavar="USER...")
    def erase(users: tuple[str, ...]) -> None:
        """Delete what each USER received, and the sender of what USER sent. There is no way back.

        Delete the user of your app first. Open pages show 0 at once.
        """
        for user in users:
            done = notifier.erase(user)
            click.echo(
                f"{user}: {done.messages} messages and {done.notifications} notifications deleted, "
                f"{done.sent} sent messages without sender now"
            )
            if done.empty_inbox:
                click.echo(f"{user}: an empty inbox is left; `expire` removes it after a day")
        notifier.publisher.flush(notifier.settings.queue_seconds)

    @group.command("expire")
    @click.option("--older-than", help="Read that long ago: 90d, 12w, 36h.")
    @click.option("--read-before", help="Read before then: 2026-01-31 or 2026-01-31T12:00+01:00.")
    def expire(older_than: str | None, read_before: str | None) -> None:
        """Delete messages that were read long ago, and inboxes empty for a day."""
        done = notifier.expire(_moment(older_than, read_before, "--read-before"))
        click.echo(f"{done.messages} read messages and {done.inboxes} empty inboxes deleted")

    @group.command("expire-notifications")
    @click.argument("names", nargs=-1, required=True, metavar="NAME...")
    @click.option("--older-than", help="Told that long ago: 90d, 12w, 36h.")
    @click.option("--told-before", help="Told before then: 2026-01-31 or 2026-01-31T12:00+01:00.")
    def expire_notifications(
        names: tuple[str, ...], older_than: str | None, told_before: str | None
    ) -> None:
        """Delete old notifications of each NAME, such as 'task_progress:*'.

        The newest notification of each user stays, whatever its name.
        """
        moment = _moment(older_than, told_before, "--told-before")
        click.echo(f"{notifier.expire_notifications(names, moment)} notifications deleted")

    @group.command("export")
    @click.argument("user")
    def export(user: str) -> None:
        """Print what is stored for USER, a line of JSON for each message and notification."""
        for line in notifier.export(user):
            click.echo(line, nl=False)


def _moment(older_than: str | None, before: str | None, option: str) -> timedelta | datetime:
    if (older_than is None) == (before is None):
        raise click.UsageError(f"give either --older-than or {option}")
    if older_than is not None:
        return _age(older_than)
    try:
        moment = datetime.fromisoformat(str(before))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text)
    if not found:
        raise click.BadParameter(f"{text!r} is no age such as 90d", param_hint="--older-than")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
