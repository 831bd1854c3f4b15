"""What a check found, and how that is told to a person or to a program."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "Finding",
    "Result",
    "State",
    "as_json",
    "line",
    "ok",
    "skipped",
    "summary",
    "warning",
    "worst",
    "wrong",
]

_NAME_WIDTH = 16
_LINE = 96


class State(StrEnum):
    """How a check ended. Only ``WRONG`` makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    SKIPPED = "skipped"


_BY_WEIGHT = (State.OK, State.SKIPPED, State.WARNING, State.WRONG)


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of one check: what it found, and what to do where something is not right."""

    state: State
    found: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A result, and the name of the check it came from."""

    check: str
    result: Result


def ok(found: str) -> Result:
    """Nothing to do."""
    return Result(State.OK, found)


def warning(found: str, advice: str) -> Result:
    """It works, but not as well or as safely as it should."""
    return Result(State.WARNING, found, advice)


def wrong(found: str, advice: str) -> Result:
    """Users will notice, or something can be lost."""
    return Result(State.WRONG, found, advice)


def skipped(reason: str) -> Result:
    """It could not be looked at, or does not apply here."""
    return Result(State.SKIPPED, reason)


def worst(results: Sequence[Result]) -> Result:
    """The one of several results that matters most. There must be one."""
    return max(results, key=lambda one: _BY_WEIGHT.index(one.state))


def as_json(findings: Sequence[Finding]) -> str:
    """The same as a JSON object, for programs."""
    checks = [
        {
            "check": one.check,
            "state": one.result.state,
            "found": one.result.found,
            "advice": one.result.advice,
        }
        for one in findings
    ]
    return json.dumps({"checks": checks, "wrong": _count(findings)[State.WRONG]}, indent=2)


def line(finding: Finding) -> str:
    """One line that says what was found, and below it what to do."""
    result = finding.result
    head = f"{result.state:<8} {finding.check:<{_NAME_WIDTH}} {result.found}"
    if not result.advice:
        return head
    indent = " " * 9
    advice = textwrap.fill(
        result.advice,
        _LINE,
        initial_indent=f"{indent}-> ",
        subsequent_indent=f"{indent}   ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"{head}\n{advice}"


def summary(findings: Sequence[Finding]) -> str:
    """How many checks ended how."""
    count = _count(findings)
    return ", ".join(f"{count[state]} {state}" for state in State)


def _count(findings: Sequence[Finding]) -> Counter[State]:
    return Counter(one.result.state for one in findings)
