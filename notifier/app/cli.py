"""``flask notifier create-user``, next to the notifier's own commands."""

from __future__ import annotations

import click
import flask

from .users import UsernameTaken, Users, check_username

__all__ = ["register"]


def register(app: flask.Flask, users: Users) -> None:
    """Add the command to the group that the notifier has put on ``app``."""
    group = app.cli.commands["notifier"]
    assert isinstance(group, click.Group)

    @group.command("create-user")
    @click.argument("names", nargs=-1, required=True, metavar="NAME...")
    @click.password_option(help="Of each of them; asked for if it is not given.")
    @click.option("--update", is_flag=True, help="Give users who exist this password too.")
    @flask.cli.with_appcontext
    def create_user(names: tuple[str, ...], password: str, update: bool) -> None:
        """Make a user of each NAME. Who exists already stays as is."""
        for name in [check_username(name) for name in names]:
            click.echo(f"{name} {_ensure(users, name, password, update)}")


def _ensure(users: Users, name: str, password: str, update: bool) -> str:
    try:
        users.register(name, password)
    except UsernameTaken:
        if not update:
            return "exists already, password unchanged"
        users.set_password(name, password)
        return "has the new password"
    return "created"
