"""``flask notifier doctor``: looks for what people get wrong, and says what to do."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import click
from flask.cli import AppGroup, ScriptInfo, prepare_import

if TYPE_CHECKING:
    from ...extension import Notifier

__all__ = ["register"]

_DEFAULT_MODULES = ("wsgi.py", "app.py")  # where Flask itself looks without --app


def register(group: AppGroup, notifier: Notifier) -> None:
    """Add the command ``doctor`` to ``group``."""

    @group.command("doctor")
    @click.option("--url", help="The public address; its proxies and sockets are tried, too.")
    @click.option("--workers", type=click.IntRange(1), help="How many workers a server has.")
    @click.option("--json", "as_object", is_flag=True, help="Print one JSON object.")
    @click.pass_context
    def doctor(ctx: click.Context, url: str | None, workers: int | None, as_object: bool) -> None:
        """Check this deployment. Run it where the server runs, with the server's environment.

        Status 1 if something is wrong; warnings do not count. Nothing is changed, and nothing
        that is stored is touched.
        """
        # They are many, and no other command needs them.
        from ...doctor.checks import CHECKS
        from ...doctor.handshake import place_of
        from ...doctor.report import State, as_json, line, summary
        from ...doctor.running import examine
        from ...doctor.site import Site

        if url is not None:
            try:
                place_of(url)
            except ValueError as error:
                raise click.BadParameter(str(error), param_hint="--url") from error
        site = Site(notifier, url=url, module=_module(ctx), workers=workers)
        findings = []
        for finding in examine(site, CHECKS):
            findings.append(finding)
            if not as_object:
                click.echo(line(finding))
        site.close()
        click.echo(as_json(findings) if as_object else summary(findings))
        sys.exit(any(one.result.state is State.WRONG for one in findings))


def _module(ctx: click.Context) -> str | None:
    """What a server would import to have this app, as far as the command line says so."""
    info = ctx.find_object(ScriptInfo)
    if info is None or info.create_app is not None:
        return None
    if info.app_import_path:
        # As Flask splits it: the name of the app or its factory, with arguments maybe.
        path, *name = re.split(r":(?![\\/])", info.app_import_path, maxsplit=1)
        return ":".join([prepare_import(path), *name])
    found = [name for name in _DEFAULT_MODULES if name.removesuffix(".py") in sys.modules]
    return found[0].removesuffix(".py") if found else None
