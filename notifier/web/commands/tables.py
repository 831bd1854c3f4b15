"""``flask notifier init-db`` and ``upgrade``: the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup

if TYPE_CHECKING:
    from ...extension import Notifier

__all__ = ["register"]


def register(group: AppGroup, notifier: Notifier) -> None:
    """Add the commands to ``group``."""

    @group.command("init-db")
    def init_db() -> None:
        """Create the tables that are missing, upgrade the notifier's. Safe to repeat."""
        notifier.create_tables()
        click.echo(f"tables are ready in {notifier.engine.url.render_as_string()}")

    @group.command("upgrade")
    def upgrade() -> None:
        """Bring the notifier's tables to this version, and no others. Safe to repeat."""
        before, after = notifier.store.create_tables()
        if before == after:
            click.echo(f"the notifier's tables are at revision {after} already")
        else:
            click.echo(f"the notifier's tables went from {before or 'no revision'} to {after}")
