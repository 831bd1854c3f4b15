"""Breaks things and prints what came of it: ``python -m tests.faults [--quick] [--only NAME]``."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterable

import click
import pytest

from tests.faults.catalogue import FAULTS, Fault
from tests.faults.report import Report, header, row, worst
from tests.faults.scale import LONG, QUICK, Scale
from tests.faults.services import Services


@click.command()
@click.option("--quick", is_flag=True, help="Short outages and generous limits, as in the tests.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([fault.name for fault in FAULTS]),
    metavar="NAME",
    help="Just this fault; may be repeated. " + ", ".join(fault.name for fault in FAULTS),
)
@click.option("--repeat", default=1, show_default=True, help="Runs of each; the worst is shown.")
@click.option("--verbose", is_flag=True, help="Say what may explain a failure.")
def main(quick: bool, only: tuple[str, ...], repeat: int, verbose: bool) -> None:
    """Break a world of two workers, PostgreSQL and Redis in every way of the table.

    Prints a row for each fault, and ends with status 1 if one of them fails.
    """
    scale = QUICK if quick else LONG
    chosen = [fault for fault in FAULTS if not only or fault.name in only]
    began = time.monotonic()
    services = Services()
    try:
        click.echo(header())
        passed = [_show(fault, services, scale, repeat, verbose) for fault in chosen]
    finally:
        services.close()
    minutes = (time.monotonic() - began) / 60
    click.echo(f"{sum(passed)} of {len(passed)} pass, {repeat} runs of each, {minutes:.0f} min")
    sys.exit(0 if all(passed) else 1)


def _show(fault: Fault, services: Services, scale: Scale, repeat: int, verbose: bool) -> bool:
    reports = [_run(fault, services, scale) for _ in range(repeat)]
    checks = worst(reports)
    passed = all(check.ok for check in checks)
    figures = dataclasses.asdict(scale)
    click.echo(row(fault.fault.format(**figures), fault.condition, map(str, checks), passed))
    if verbose and not passed:
        click.echo("\n".join(_notes(reports)))
    return passed


def _run(fault: Fault, services: Services, scale: Scale) -> Report:
    """One run; what breaks the scenario itself is a failure of the row, not of the table."""
    try:
        return fault.run(services, scale)
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 -- shown in the table
        report = Report()
        report.exactly(f"could not be run ({type(error).__name__}: {str(error)[:200]})", 1, 0)
        report.note(str(error))
        return report


def _notes(reports: Iterable[Report]) -> Iterable[str]:
    return (note for report in reports if report.failures for note in report.notes)


if __name__ == "__main__":
    main()
