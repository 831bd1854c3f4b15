"""PostgreSQL goes away and comes back, in order, by a crash, or behind a dead network."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.faults.load import Sent, statuses
from tests.faults.report import Report
from tests.faults.scale import Scale
from tests.faults.scenarios.common import check_converged
from tests.faults.services import Services
from tests.faults.world import World


def restarted(services: Services, scale: Scale) -> Report:
    """A restart in order: open connections are told, new ones are refused."""
    return _restarted(services, scale, services.postgres.stop)


def crashed(services: Services, scale: Scale) -> Report:
    """The same without a word: the server has to recover from its log."""
    return _restarted(services, scale, services.postgres.crash)


def _restarted(services: Services, scale: Scale, end: Callable[[], None]) -> Report:
    report = Report(scale.slack)
    with World(services, scale.env, **scale.world) as world:
        world.start_load()
        began = time.monotonic()
        services.database_proxy.refuse()
        end()
        time.sleep(scale.database_outage)
        services.postgres.start()
        services.database_proxy.heal()
        ended = time.monotonic()
        refused = _check_outage(report, world, ended)
        outside = [one for one in refused if one.ended < began or one.began >= ended]
        report.exactly("503 before or after", len(outside), 0)
    return report


def black_holed(services: Services, scale: Scale) -> Report:
    """The network to PostgreSQL swallows everything, and in the end delivers it late."""
    report = Report(scale.slack)
    with World(services, scale.env, **scale.world) as world:
        world.start_load()
        services.database_proxy.black_hole()
        time.sleep(scale.database_outage)
        services.database_proxy.heal()
        ended = time.monotonic()
        refused = _check_outage(report, world, ended)
        # Nobody refuses here, so that it is over has to be found out.
        report.within("last 503 after", max(one.ended for one in refused) - ended, 5.0)
    return report


def _check_outage(report: Report, world: World, ended: float) -> list[Sent]:
    """What holds for every outage that was over at ``ended``; the sends that got a 503."""
    check_converged(report, world, ended, 5.0)
    sends = world.load.sends
    refused = [one for one in sends if one.status == 503]
    report.tell("sends", len(sends))
    report.at_least("503", len(refused), 1)
    report.within("slowest answer", max(one.took for one in sends), 2.0)
    report.exactly("503 without Retry-After", sum(not one.retry_after for one in refused), 0)
    report.exactly("other failures", sum(one.status not in (201, 503) for one in sends), 0)
    good = [one.ended for one in sends if one.status == 201 and one.ended > ended]
    report.within("sends again after", min(good, default=float("inf")) - ended, 5.0)
    report.exactly("connections ended", world.ends(), 0)
    problems = {one.problem for one in sends if one.status not in (201, 503)}
    report.note(f"answers: {dict(statuses(sends))} {sorted(problems)[:3]}")
    return refused
