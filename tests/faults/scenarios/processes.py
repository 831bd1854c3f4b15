"""Workers and producers that die at the worst moment, or are told to go."""

from __future__ import annotations

import math
import signal
import time
from functools import partial
from pathlib import Path

from tests.faults.client import STABLE
from tests.faults.load import CUT
from tests.faults.producer import Producer
from tests.faults.report import Report
from tests.faults.scale import Scale
from tests.faults.scenarios.common import check_converged, check_truthful, during
from tests.faults.services import Services
from tests.faults.world import PATIENCE, World, connected, elapsed_until

CRASHING = Path(__file__).parent.parent / "crashing"
"""The folder of a ``wsgi.py`` whose workers kill themselves when told."""

_RECIPIENTS = 20
# Seconds in which messages come that those who lost their worker do not hear of.
_MISSING = 0.5


def crashing_env(services: Services) -> dict[str, str]:
    """The environment of a server that runs it, and the folder where it is told."""
    return {
        "GUNICORN_CMD_ARGS": f"--chdir {CRASHING}",
        "FAULTS_FOLDER": str(services.folder),
    }


def worker_killed_before_publish(services: Services, scale: Scale) -> Report:
    """The worker that commits a message to 20 users dies before it publishes any of it."""
    report = Report(scale.slack)
    env = {**scale.env, **crashing_env(services)}
    with World(services, env, **scale.world, own_polls=False) as world:
        slowest = 0.0
        for number in range(scale.crashes):
            before = sum(world.database.unread().values())
            (services.folder / "die").touch()
            sent = world.send(_some(world, number))
            if sent.status != CUT or sum(world.database.unread().values()) != before + _RECIPIENTS:
                raise RuntimeError(f"the worker did not die after its commit: {sent}")
            slowest = max(slowest, _right_after(world, sent.ended))
            _wait_for_two_workers(world)
        report.tell("deaths", scale.crashes)
        _check_healed(report, world, slowest)
    return report


def producer_killed_before_publish(services: Services, scale: Scale) -> Report:
    """The same with a script that sends through ``Notifier.from_url``."""
    report = Report(scale.slack)
    with World(services, scale.env, **scale.world, own_polls=False) as world:
        slowest = 0.0
        with Producer(services) as producer:
            for number in range(scale.crashes):
                before = sum(world.database.unread().values())
                died_at = producer.send_and_die(_some(world, number))
                if sum(world.database.unread().values()) != before + _RECIPIENTS:
                    raise RuntimeError("the producer died before its commit")
                slowest = max(slowest, _right_after(world, died_at))
        report.tell("deaths", scale.crashes)
        report.exactly("connections ended", world.ends(), 0)
        _check_healed(report, world, slowest)
    return report


def _some(world: World, number: int) -> list[str]:
    """Twenty users, others each time."""
    count = len(world.users)
    return [world.users[(number * 7 + at) % count] for at in range(_RECIPIENTS)]


def _right_after(world: World, since: float) -> float:
    return elapsed_until(lambda: not world.wrong(), PATIENCE, since)


def _check_healed(report: Report, world: World, slowest: float) -> None:
    report.within("all right after", slowest, 5.0)
    own = sum(client.polls["away"] + client.polls["safety"] for client in world.clients)
    report.exactly("polls of their own", own, 0)
    report.exactly("wrong badges", world.wrong(), 0)
    check_truthful(report, world)


def _wait_for_two_workers(world: World) -> None:
    """A killed worker is replaced, and every client has found a new place."""
    ready = elapsed_until(
        lambda: len(world.server.worker_pids()) == 2 and connected(world.clients), PATIENCE
    )
    if ready == math.inf:
        raise RuntimeError("the server does not get whole again")


def rolling_restarts(services: Services, scale: Scale) -> Report:
    """Every worker is replaced, as a deployment does, while 200 sockets listen and sends go on."""
    report = Report(scale.slack)
    with World(services, scale.env, **scale.world, sockets=200 // scale.users) as world:
        world.start_load()
        slowest = 0.0
        for number in range(scale.restarts):
            # Clients that are cut again before that come back more slowly, as they should.
            time.sleep(STABLE + 1 if number else 0)
            old = set(world.server.worker_pids())
            world.server.send_signal(signal.SIGHUP)
            replaced = elapsed_until(partial(_replaced, world, old), PATIENCE)
            if replaced == math.inf:
                raise RuntimeError("the old workers do not go")
            slowest = max(slowest, world.caught_up(time.monotonic()))
        report.within("slowest", slowest, 5.0)
        ended = time.monotonic()
        check_converged(report, world, ended, 5.0)
        _check_answers(report, world, 0.0, ended)
        report.exactly("sends cut", sum(one.status == CUT for one in world.load.sends), 0)
    return report


def worker_killed(services: Services, scale: Scale) -> Report:
    """One of two workers is killed, and all of its clients come to the other at once."""
    report = Report(scale.slack)
    sockets = math.ceil(2 * scale.reconnecting / scale.users)
    with World(services, scale.env, **scale.world, sockets=sockets) as world:
        world.start_load()
        pids = world.server.worker_pids()
        pid = max(pids, key=lambda one: len(world.clients_of(one)))
        report.at_least("sockets on it", len(world.clients_of(pid)), scale.reconnecting)
        killed = time.monotonic()
        world.server.kill_worker(pid)
        time.sleep(_MISSING)
        check_converged(report, world, killed, 5.0)
        report.tell("sends cut", sum(one.status == CUT for one in world.load.sends))
        _check_answers(report, world, killed, time.monotonic())
        whole = elapsed_until(lambda: connected(world.clients), PATIENCE)
        report.exactly("connected again", whole < PATIENCE, 1)
    return report


def _replaced(world: World, old: set[int]) -> bool:
    pids = world.server.worker_pids()
    return len(pids) == 2 and not old & set(pids)


def _check_answers(report: Report, world: World, began: float, ended: float) -> None:
    sends = during(world.load.sends, began, ended)
    report.tell("sends", len(sends))
    report.exactly("5xx", sum(one.status >= 500 for one in sends), 0)
