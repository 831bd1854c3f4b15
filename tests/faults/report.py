"""What a scenario measured against what it must show, and the table of it all."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Check:
    """One figure, and whether it passes."""

    what: str
    measured: float
    unit: str
    limit: str
    ok: bool

    def __str__(self) -> str:
        figure = f"{self.what} {_number(self.measured)}{self.unit}"
        return figure if self.ok else f"{figure} (NOT {self.limit}{self.unit})"


@dataclass
class Report:
    """The checks of one run. ``slack`` stretches time limits, for machines that are busy."""

    slack: float = 1.0
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def failures(self) -> list[str]:
        """The checks that do not pass, with the notes, for the message of a failed test."""
        failed = [str(check) for check in self.checks if not check.ok]
        return [*failed, *self.notes] if failed else []

    def within(self, what: str, seconds: float, limit: float) -> None:
        """A time that must not exceed ``limit`` seconds."""
        limit *= self.slack
        self.checks.append(Check(what, seconds, " s", f"<= {limit:g}", seconds <= limit))

    def at_most(self, what: str, measured: float, limit: float, unit: str = "") -> None:
        self.checks.append(Check(what, measured, unit, f"<= {limit:g}", measured <= limit))

    def at_least(self, what: str, measured: float, limit: float, unit: str = "") -> None:
        self.checks.append(Check(what, measured, unit, f">= {limit:g}", measured >= limit))

    def exactly(self, what: str, measured: float, wanted: float) -> None:
        self.checks.append(Check(what, measured, "", f"= {wanted:g}", measured == wanted))

    def tell(self, what: str, measured: float, unit: str = "") -> None:
        """A figure that is worth knowing and cannot fail."""
        self.checks.append(Check(what, measured, unit, "", True))

    def note(self, text: str) -> None:
        """Something that explains a failure."""
        self.notes.append(text)


def worst(reports: Sequence[Report]) -> list[Check]:
    """Of each check of several runs the one that is worst: failed, else largest."""
    chosen: dict[str, Check] = {}
    for check in (check for report in reports for check in report.checks):
        known = chosen.get(check.what)
        if known is None or (not check.ok, check.measured) > (not known.ok, known.measured):
            chosen[check.what] = check
    return list(chosen.values())


WIDTHS = (32, 34, 64)


def header() -> str:
    return "\n".join([_line(["fault", "pass", "measured"], "verdict"), _rule()])


def row(fault: str, condition: str, measured: Iterable[str], passed: bool) -> str:
    """One row of the table, on as many lines as it takes."""
    cells = [
        textwrap.wrap(text, width)
        for text, width in zip((fault, condition, "; ".join(measured)), WIDTHS, strict=True)
    ]
    lines = []
    for number in range(max(map(len, cells))):
        texts = [cell[number] if number < len(cell) else "" for cell in cells]
        lines.append(_line(texts, "" if number else ("pass" if passed else "FAIL")))
    return "\n".join([*lines, _rule()])


def _line(texts: Sequence[str], last: str) -> str:
    padded = [text.ljust(width) for text, width in zip(texts, WIDTHS, strict=True)]
    return " | ".join([*padded, last]).rstrip()


def _rule() -> str:
    return "-+-".join(["-" * width for width in WIDTHS] + ["-------"])


def _number(value: float) -> str:
    if math.isinf(value):
        return "never"
    return f"{value:.3g}" if value != int(value) and value < 100 else f"{value:.0f}"
