"""Clients whose network comes and goes, and one that never reads."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil

from tests.faults.client import Client
from tests.faults.load import p99
from tests.faults.producer import NAMES, Producer
from tests.faults.report import Report
from tests.faults.scale import Scale
from tests.faults.scenarios.common import check_converged, during
from tests.faults.services import Services
from tests.faults.talk import WebSocket
from tests.faults.world import PATIENCE, World, elapsed_until, sockets

DOWN_SECONDS, UP_SECONDS = 2.0, 4.0
PING_INTERVAL, PING_TIMEOUT = 4, 6
# More than a non-reader's socket takes before it is cut.
FIRST_FLOOD = 7_000
MEGABYTE = 1024 * 1024
_TINY = 4_096
_SAMPLE_SECONDS = 0.02


def flaky_network(services: Services, scale: Scale) -> Report:
    """Two seconds of every six nothing passes: packets vanish, or connections are cut."""
    report = Report(scale.slack)
    with World(services, scale.env, users=scale.droppers, rate=scale.rate, front=True) as world:
        assert world.front is not None
        world.start_load()
        for number in range(scale.drops):
            if number % 2:
                world.front.refuse()
                world.front.cut(reset=number % 4 == 1)
            else:
                world.front.black_hole()
            time.sleep(DOWN_SECONDS)
            world.front.heal()
            time.sleep(UP_SECONDS)
        ended = time.monotonic()
        check_converged(report, world, ended, 10.0)
        report.tell("connections ended", world.ends())
        report.exactly("failed sends", sum(one.status != 201 for one in world.load.sends), 0)
    return report


class NonReader:
    """A socket that is let in and answers every heartbeat, but never reads again."""

    def __init__(self, world: World, user: str) -> None:
        self._world = world
        self.user = user
        self._run = world.services.background.run
        self._socket = self._run(self._open())
        self._pongs = self._run(self._start_ponging())

    @property
    def port(self) -> int:
        return self._socket.local_port

    def held_by(self, pid: int) -> bool:
        """Whether the worker still has the connection."""
        return self.port in {peer for _, peer in sockets(pid, self._world.server.port)}

    def close(self) -> None:
        self._run(self._close())

    async def _open(self) -> WebSocket:
        path = "/socket.io/?EIO=4&transport=websocket"
        socket = await WebSocket.open(self._world.server.port, path, receive_buffer=_TINY)
        socket.send("40" + json.dumps({"token": self._world.tokens[self.user]}))
        while not (await socket.receive(10)).startswith("40"):
            pass
        socket.stop_reading()
        return socket

    async def _start_ponging(self) -> asyncio.Task[None]:
        return asyncio.create_task(self._pong())

    async def _pong(self) -> None:
        while True:
            await asyncio.sleep(PING_INTERVAL)
            if not self._socket.closed:
                self._socket.send("3")

    async def _close(self) -> None:
        self._pongs.cancel()
        self._socket.close()


def non_reader(services: Services, scale: Scale) -> Report:
    """A client that pongs and never reads is sent more than it can take.

    What the same events cost the worker when they are for somebody who reads is not counted.
    """
    report = Report(scale.slack)
    env = {
        **scale.env,
        "NOTIFIER_PING_INTERVAL": str(PING_INTERVAL),
        "NOTIFIER_PING_TIMEOUT": str(PING_TIMEOUT),
    }
    with World(services, env, **scale.world, late=2) as world, Producer(services) as producer:
        world.start_load()
        reader, absent = world.connect_late()
        world.services.background.run(absent.stop())
        world.clients.remove(absent)
        pid = next(one for one in world.server.worker_pids() if reader in world.clients_of(one))
        for _ in range(2):
            usual = _flood(producer, reader.user, FIRST_FLOOD, pid).growth
            elapsed_until(lambda: _passed_through(reader, FIRST_FLOOD), PATIENCE)
        victim = _non_reader_on(world, pid, absent.user)
        began = time.monotonic()
        flood = _flood(producer, victim.user, scale.flood, pid, victim)
        ended = time.monotonic()
        report.at_least("events", flood.events, scale.flood * 0.9)
        report.at_most("held", max(flood.growth - usual, 0) / MEGABYTE, scale.held, " MB")
        report.tell("growth with a reader", usual / MEGABYTE, " MB")
        report.within("cut after", flood.cut_after, PING_INTERVAL + PING_TIMEOUT)
        report.within("sends p99", p99(during(world.load.sends, began, ended)), 0.25)
        victim.close()
        check_converged(report, world, time.monotonic(), 5.0)
        report.exactly("others cut", sum(bool(one.ends) for one in world.clients), 0)
    return report


def _passed_through(reader: Client, total: int) -> bool:
    """Whether the reader shows the last of the flood, so that the worker is quiet again."""
    last = total // NAMES - 1
    values = [reader.rule.value(f"flood.{name}") for name in range(NAMES)]
    return all(value and value[0] == last for value in values)


def _non_reader_on(world: World, pid: int, user: str) -> NonReader:
    for _ in range(50):
        candidate = NonReader(world, user)
        if candidate.held_by(pid):
            return candidate
        candidate.close()
    raise RuntimeError(f"worker {pid} takes no more clients")


@dataclass(frozen=True)
class _Flood:
    """How many events were published, and what the worker's memory grew meanwhile, in bytes."""

    events: int
    growth: int
    cut_after: float


def _flood(
    producer: Producer, user: str, total: int, pid: int, victim: NonReader | None = None
) -> _Flood:
    """Flood ``user``, and watch the worker meanwhile, or until it cuts ``victim``."""
    worker = psutil.Process(pid)
    before = peak = worker.memory_info().rss
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        published = pool.submit(producer.flood, user, total)
        while time.monotonic() < began + PATIENCE:
            peak = max(peak, worker.memory_info().rss)
            if published.done() if victim is None else not victim.held_by(pid):
                break
            time.sleep(_SAMPLE_SECONDS)
        cut_after = time.monotonic() - began
    return _Flood(published.result(), peak - before, cut_after)
