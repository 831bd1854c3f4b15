"""What every fault has to leave untouched."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.faults.load import Sent, p99, statuses
from tests.faults.report import Report
from tests.faults.world import World, elapsed_until

# Through both workers and Redis a push takes milliseconds; this says that it was no poll.
PUSHED = 1.0
# Sends go on for a moment after all is well, for it might not stay so.
_MORE_LOAD = 1.0


def during(sends: Sequence[Sent], began: float, ended: float) -> list[Sent]:
    """The sends that began in an interval (monotonic seconds)."""
    return [one for one in sends if began <= one.began < ended]


def check_converged(report: Report, world: World, ended: float, limit: float) -> None:
    """All badges right within ``limit`` seconds of ``ended``, and nothing wrong on the way.

    First while sends go on, compared with what was true when this was called; then exactly.
    """
    report.within("all right after", world.caught_up(ended), limit)
    time.sleep(_MORE_LOAD)
    report.within("exactly right after the last send", world.settle(), limit)
    check_truthful(report, world)


def check_truthful(report: Report, world: World) -> None:
    """Nothing lost, nothing backwards, nobody shown what is not his, the database consistent."""
    report.exactly("lost", world.database.lost(world.load.sends), 0)
    report.exactly("regressions", world.regressions(), 0)
    report.exactly("untrue or foreign values", world.database.untrue(world.clients), 0)
    report.exactly("audit findings", world.database.audit(), 0)
    log = world.server.output()
    report.exactly("tracebacks", log.count("Traceback (most recent call last)"), 0)
    report.note(f"the end of the server's log:\n{log[-3000:]}")


def check_sends_went_on(report: Report, world: World, began: float, ended: float) -> None:
    """Sends neither failed nor waited during the fault."""
    sends = during(world.load.sends, began, ended)
    report.tell("sends", len(sends))
    report.exactly("failed", sum(one.status != 201 for one in sends), 0)
    report.within("p99", p99(sends), 0.25)
    problems = {one.problem for one in sends if one.problem}
    report.note(f"answers: {dict(statuses(sends))} {sorted(problems)[:3]}")


def check_pushed(report: Report, world: World, users: Sequence[str]) -> None:
    """A message to each of ``users`` arrives by push: a poll does not count."""
    sends = world.send_all(users)
    limit = PUSHED * report.slack
    elapsed_until(lambda: not world.unpushed(sends, limit), limit)
    report.exactly(f"not pushed of {len(users)}", len(world.unpushed(sends, limit)), 0)
