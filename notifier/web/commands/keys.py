"""``flask notifier key``, ``keys``, ``revoke-key``: the API keys of programs that send."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

from ...apikeys import REMEMBERED_SECONDS, SCOPES, ApiKeys

if TYPE_CHECKING:
    from ...extension import Notifier

__all__ = ["register"]

_COLUMNS = ("id", "name", "scopes", "created", "last used", "revoked")


def register(group: AppGroup, notifier: Notifier) -> None:
    """Add the commands to ``group``."""
    keys = ApiKeys(lambda: notifier.store.engine)

    @group.command("key")
    @click.argument("name")
    @click.option(
        "--scope",
        "scopes",
        multiple=True,
        type=click.Choice(SCOPES),
        help="What it may write; repeat it for several. All, unless given.",
    )
    def key(name: str, scopes: tuple[str, ...]) -> None:
        """Print a new API key for the program NAME, this once."""
        click.echo(keys.make(name, scopes or SCOPES))
        click.echo("keep it now: only a hash of it is stored", err=True)

    @group.command("keys")
    def list_keys() -> None:
        """List all API keys, times in UTC, last used to the minute."""
        rows = [
            (one.id, one.name, one.scopes, *map(_time, (one.created, one.last_used, one.revoked)))
            for one in keys.all()
        ]
        widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
        for row in [_COLUMNS, *rows]:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            click.echo("  ".join(cells).rstrip())

    @group.command("revoke-key")
    @click.argument("id")
    def revoke_key(id: str) -> None:
        """Let the API key ID be good no more."""
        keys.revoke(id)
        click.echo(f"revoked; no worker takes it after {REMEMBERED_SECONDS:g} s")


def _time(stamp: int | None) -> str:
    if stamp is None:
        return "-"
    return datetime.fromtimestamp(stamp // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M")
