"""The wall clock of one worker jumps an hour ahead, then back to an hour behind."""

from __future__ import annotations

import time

from tests.faults.report import Report
from tests.faults.scale import Scale
from tests.faults.scenarios.common import check_converged, check_pushed
from tests.faults.scenarios.processes import crashing_env
from tests.faults.services import Services
from tests.faults.world import World

HOUR = 3_600
PING_INTERVAL, PING_TIMEOUT = 1, 2


def stepped(services: Services, scale: Scale) -> Report:
    """Heartbeats go on, stamps go on rising, nobody is disconnected."""
    report = Report(scale.slack)
    env = {
        **scale.env,
        **crashing_env(services),
        "NOTIFIER_PING_INTERVAL": str(PING_INTERVAL),
        "NOTIFIER_PING_TIMEOUT": str(PING_TIMEOUT),
    }
    with World(services, env, **scale.world) as world:
        file = services.folder / f"clock-{world.server.worker_pids()[0]}"
        world.start_load()
        for offset in (HOUR, -HOUR):
            file.write_text(str(offset))
            time.sleep(scale.clock)
        # The proof that the step was taken: stamps lie in the future.
        ahead = world.database.newest() - time.time()
        report.at_least("ahead", ahead, HOUR - 2 * scale.clock - 10, " s")
        check_converged(report, world, time.monotonic(), 5.0)
        check_pushed(report, world, world.users)
        report.exactly("connections ended", world.ends(), 0)
        report.exactly("failed sends", sum(one.status != 201 for one in world.load.sends), 0)
        file.unlink()
    return report
