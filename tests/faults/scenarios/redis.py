"""Redis dies, freezes, is cut off without a word, and talks nonsense."""

from __future__ import annotations

import http.client
import time
from collections.abc import Collection, Sequence

from tests.faults.load import Sent
from tests.faults.proxy import BOTH, DOWN, UP
from tests.faults.report import Report
from tests.faults.scale import Scale
from tests.faults.scenarios.common import (
    check_converged,
    check_pushed,
    check_sends_went_on,
    check_truthful,
)
from tests.faults.scenarios.junk import publish_junk
from tests.faults.services import Services
from tests.faults.world import PATIENCE, World, elapsed_until, sockets

# Between two rounds of messages, in seconds.
_PULSE = 0.2


def untouched(services: Services, scale: Scale) -> Report:
    """Nothing happens: what the others are to be compared with."""
    report = Report(scale.slack)
    with World(services, scale.env, **scale.world) as world:
        world.start_load()
        began = time.monotonic()
        time.sleep(scale.outage)
        _check_outage(report, world, began, time.monotonic())
    return report


def killed(services: Services, scale: Scale) -> Report:
    """Killed; connections are refused until it is back."""
    return _killed(services, scale, scale.outage)


def killed_for_long(services: Services, scale: Scale) -> Report:
    """The same for so long that every backoff has grown to its end."""
    return _killed(services, scale, scale.long_outage)


def _killed(services: Services, scale: Scale, outage: float) -> Report:
    report = Report(scale.slack)
    with World(services, scale.env, **scale.world) as world:
        world.start_load()
        began = time.monotonic()
        services.kill_valkey()
        time.sleep(outage)
        services.start_valkey()
        services.redis_proxy.heal()
        _check_outage(report, world, began, time.monotonic())
    return report


def frozen(services: Services, scale: Scale) -> Report:
    """SIGSTOP: connections stand, and nothing is answered."""
    report = Report(scale.slack)
    with World(services, scale.env, **scale.world) as world:
        world.start_load()
        began = time.monotonic()
        services.valkey.freeze()
        time.sleep(scale.freeze)
        services.valkey.thaw()
        _check_outage(report, world, began, time.monotonic())
    return report


def black_holed(services: Services, scale: Scale) -> Report:
    """The network swallows everything, new connections too, and then delivers it late."""
    report = Report(scale.slack)
    with World(services, scale.env, **scale.world) as world:
        world.start_load()
        began = time.monotonic()
        services.redis_proxy.black_hole()
        time.sleep(scale.outage)
        services.redis_proxy.heal()
        _check_outage(report, world, began, time.monotonic())
    return report


def _check_outage(report: Report, world: World, began: float, ended: float) -> None:
    check_converged(report, world, ended, 3.0)
    check_sends_went_on(report, world, began, ended)
    check_pushed(report, world, world.users)


def half_open(services: Services, scale: Scale) -> Report:
    """One worker's connections to Redis pass nothing more, not even their end."""
    report = Report(scale.slack)
    for directions in ((DOWN,), BOTH):
        with World(services, scale.env, **scale.world) as world:
            pid = world.server.worker_pids()[0]
            connection = world.connection_to(pid)
            world.start_load()
            began = _make_half_open(services, pid, directions)
            _check_readiness(report, connection, began)
            connection.close()
            world.stop_load()
            users = {client.user for client in world.clients_of(pid)}
            sends = [one for one in world.load.sends if one.user in users and one.began >= began]
            _check_pushes_came_back(report, world, sends, began)
            check_converged(report, world, time.monotonic(), 5.0)
            check_pushed(report, world, world.users)
    return report


def half_open_up(services: Services, scale: Scale) -> Report:
    """What one worker says does not reach Redis: whoever comes now must be subscribed anew."""
    report = Report(scale.slack)
    with World(services, scale.env, **scale.world, late=20) as world:
        pid = world.server.worker_pids()[0]
        began = _make_half_open(services, pid, (UP,))
        late = world.connect_late()
        users = [client.user for client in world.clients_of(pid) if client in late]
        report.at_least("newcomers", len(users), 1)
        sends = []
        while time.monotonic() < began + scale.half_open:
            sends += world.send_all(users)
            time.sleep(_PULSE)
        _check_pushes_came_back(report, world, sends, began)
        check_converged(report, world, time.monotonic(), 5.0)
        check_pushed(report, world, [*world.users, *users])
    return report


def _make_half_open(services: Services, pid: int, directions: Collection[str]) -> float:
    """Lose one worker's connections to Redis from now on; the time of that."""
    proxy = services.redis_proxy
    ports = {own for own, peer in sockets(pid, proxy.port) if peer == proxy.port}
    if not proxy.half_open(directions, ports):
        raise RuntimeError(f"worker {pid} has no connection to Redis")
    return time.monotonic()


def _check_readiness(report: Report, connection: http.client.HTTPConnection, began: float) -> None:
    ready: list[bool] = []

    def back() -> bool:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        answer.read()
        ready.append(answer.status == 200)
        return ready[-1] and not all(ready)

    report.within("ready again after", elapsed_until(back, PATIENCE, began), 5.0)
    report.at_least("found unready", ready.count(False), 1)


def _check_pushes_came_back(
    report: Report, world: World, sends: Sequence[Sent], began: float
) -> None:
    late = world.unpushed(sends, 0.5 * report.slack)
    last = max((one.ended for one in late), default=began)
    report.within("last push lost after", last - began, 5.0)


def junk(services: Services, scale: Scale) -> Report:
    """A stranger on the same Redis publishes on every channel: noise, forgeries, replays."""
    report = Report(scale.slack)
    with World(services, scale.env, **scale.world, own_polls=False) as world:
        published = publish_junk(services.valkey, world, scale.junk)
        report.at_least("published", published, scale.junk)
        polls = sum(sum(client.polls.values()) for client in world.clients)
        check_pushed(report, world, world.users[:50])
        report.tell("polls", sum(sum(client.polls.values()) for client in world.clients) - polls)
        report.exactly("connections ended", world.ends(), 0)
        report.exactly("wrong badges", world.wrong(), 0)
        check_truthful(report, world)
    return report
