"""Runs the checks one after another, each with a limit in time, and reports those that break."""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from redis.exceptions import NoPermissionError
from sqlalchemy.exc import DBAPIError

from ..errors import NotifierError
from ..outages import sqlstate
from .report import Finding, Result, State, skipped, wrong
from .site import Site

__all__ = ["LIMIT_SECONDS", "Check", "examine"]

log = logging.getLogger("notifier.doctor")

_INSUFFICIENT_PRIVILEGE = "42501"  # PostgreSQL's manual, appendix A

LIMIT_SECONDS = 8.0
"""How long a check may take unless it says otherwise. What it asks has shorter limits itself."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at. It is skipped unless the check that it ``needs`` had an answer."""

    name: str
    look: Callable[[Site], Result]
    needs: str = ""
    seconds: float = LIMIT_SECONDS


def examine(site: Site, checks: Sequence[Check]) -> Iterator[Finding]:
    """Run ``checks`` in order; the findings, as they come."""
    so_far: dict[str, Result] = {}
    for check in checks:
        result = _blocked(check, so_far) or _bounded(check, site)
        so_far[check.name] = result
        yield Finding(check.name, result)


def _blocked(check: Check, so_far: Mapping[str, Result]) -> Result | None:
    """Why a check makes no sense after what was found before, None if it does."""
    needed = so_far.get(check.needs)
    if needed is not None and needed.state is State.SKIPPED:
        return needed
    if needed is not None and needed.state is State.WRONG:
        return skipped(f"it makes sense once '{check.needs}' is right")
    return None


def _bounded(check: Check, site: Site) -> Result:
    found: list[Result] = []

    def look() -> None:
        found.append(_guarded(check, site))

    # A daemon: what hangs for ever must not keep the command from ending.
    thread = threading.Thread(target=look, name=f"check {check.name}", daemon=True)
    thread.start()
    thread.join(check.seconds)
    if found:
        return found[0]
    return wrong(
        f"the check had no answer within {check.seconds:g} s and was left",
        "What it asks does not answer, or this machine is overloaded. Ask again; if it stays so, "
        "look at the server that this check is about.",
    )


def _guarded(check: Check, site: Site) -> Result:
    try:
        return check.look(site)
    except NotifierError as error:
        return skipped(str(error))
    except NoPermissionError as error:
        return skipped(f"Redis forbids to look: {error}")
    except Exception as error:
        if isinstance(error, DBAPIError) and _is_forbidden(error):
            return skipped(f"the database forbids to look: {error.orig}")
        log.debug("The check %r broke", check.name, exc_info=True)
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{last.filename.rpartition('/')[2]}:{last.lineno}"
        reason = " ".join(str(error).split()) or "without a word"
        return wrong(
            f"the check itself broke ({type(error).__name__} at {place}: {reason})",
            "So nothing is known about what it looks at. If the message does not tell you why, "
            "please report it with the log of `notifier.doctor` at level DEBUG.",
        )


def _is_forbidden(error: DBAPIError) -> bool:
    return sqlstate(error.orig) == _INSUFFICIENT_PRIVILEGE
