"""``flask notifier tail``: a user's events as they happen, through the server."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

from ... import checks
from ...client import follow

if TYPE_CHECKING:
    from ...extension import Notifier

__all__ = ["register"]


def register(group: AppGroup, notifier: Notifier) -> None:
    """Add the command to ``group``."""

    @group.command("tail")
    @click.argument("user")
    @click.option(
        "--url",
        default=_here,
        show_default="http://127.0.0.1:$PORT, 5000 if that is not set",
        help="The server.",
    )
    def tail(user: str, url: str) -> None:
        """Print the events of USER, one JSON object a line: what is true now, then each change."""
        checks.known(notifier.known, [user], "user")
        # Ctrl-C is how this ends.
        with _told_on_stderr(), suppress(KeyboardInterrupt):
            _print(notifier, user, url)


def _here() -> str:
    return f"http://127.0.0.1:{os.environ.get('PORT') or 5000}"


def _print(notifier: Notifier, user: str, url: str) -> None:
    joint = notifier.serving.joint
    try:
        events = follow(
            url,
            lambda: notifier.token(user),
            poll_path=f"{notifier.settings.url_prefix}/notifications",
            socket_path=joint.path,
            namespace=joint.namespace,
        )
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--url") from error
    with events:
        for event in events:
            line = {"name": event.name, "data": event.data, "timestamp": event.timestamp}
            click.echo(json.dumps(line))


@contextmanager
def _told_on_stderr() -> Iterator[None]:
    """What the client logs, once an outage, goes to whoever sits in front of it."""
    log = logging.getLogger("notifier.client")
    handler = logging.StreamHandler()
    before = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.level, log.propagate = before
