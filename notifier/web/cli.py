"""``flask notifier …``: what a shell, a script or a release step can do."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import flask
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from .. import checks, messages
from ..errors import NotifierError
from ..operations import Operation
from ..outages import reason
from .commands import doctor, keys, retention, tables, tail

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["register"]

# Longer than a publication may wait: by then it is published or left to the sweep.
_FLUSH_SECONDS = 4.0


def register(app: flask.Flask, notifier: Notifier) -> None:
    """Add the command group ``notifier`` to the app's commands."""
    group = _Group("notifier", help="Notifications: tables, tokens, sending, auditing.")
    app.cli.add_command(group)
    _tokens(group, notifier)
    _sending(group, notifier)
    _auditing(group, notifier)
    keys.register(group, notifier)
    retention.register(group, notifier)
    tables.register(group, notifier)
    doctor.register(group, notifier)
    tail.register(group, notifier)


class _Group(AppGroup):
    """A group whose commands end with what to do, and status 1, on an error of ours."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except NotifierError as error:
            raise click.ClickException(str(error)) from error
        except SQLAlchemyError as error:
            raise click.ClickException(
                f"the database refused: {reason(error)}\n"
                "Check DATABASE_URL; missing tables come from `flask notifier init-db`."
            ) from error


def _tokens(group: AppGroup, notifier: Notifier) -> None:
    @group.command("token")
    @click.argument("users", nargs=-1, required=True)
    def token(users: tuple[str, ...]) -> None:
        """Print a user token a line for USERS, for programs that follow their events."""
        for user in users:
            click.echo(notifier.token(user))


def _sending(group: AppGroup, notifier: Notifier) -> None:
    @group.command("send")
    @click.argument("to")
    @click.argument("body")
    @click.option("--from", "sender", help="The sender's user id.")
    def send(to: str, body: str, sender: str | None) -> None:
        """Send BODY to the user TO."""
        checks.known(notifier.known, [to])
        _commit(notifier, messages.send(notifier.settings, to, body, sender))

    @group.command("notify")
    @click.argument("to")
    @click.argument("name")
    @click.argument("data")
    def notify(to: str, name: str, data: str) -> None:
        """Set notification NAME of the user TO to DATA, which is JSON."""
        try:
            value = json.loads(data)
        except ValueError as error:
            raise click.BadParameter(f"{data!r} is not JSON: {error}") from error
        checks.known(notifier.known, [to])
        _commit(notifier, messages.notify(notifier.settings, to, name, value))


def _auditing(group: AppGroup, notifier: Notifier) -> None:
    @group.command("audit")
    @click.option("--repair", is_flag=True, help="Set right what is wrong.")
    def audit(repair: bool) -> None:
        """Compare counters, badges and clocks with the truth; status 1 if any is wrong."""
        findings = notifier.audit(repair)
        for finding in findings:
            click.echo(str(finding))
        if repair:
            _flush(notifier)
        click.echo(f"{len(findings)} wrong{', repaired' if repair and findings else ''}")
        sys.exit(1 if findings and not repair else 0)


def _commit(notifier: Notifier, operations: Sequence[Operation]) -> None:
    written = notifier.store.commit(operations)
    _flush(notifier)
    for event in written.events:
        click.echo(f"{event.user} {event.name} {json.dumps(event.data)}")
    if not notifier.settings.redis_url:
        click.echo("no broker: open pages will see this by the next sweep", err=True)


def _flush(notifier: Notifier) -> None:
    notifier.flush(_FLUSH_SECONDS)
