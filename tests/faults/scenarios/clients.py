"""Clients whose network comes and goes, and one that never reads."""

from __future__ import annotations

import asyncio
import json
import math
import time
from concurrent.futures import Future, ThreadPoolExecutor

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

    def __init__(self, world: World) -> None:
        self._world = world
        self.user = world.users[-1]
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
            self._socket.send("3")

    async def _close(self) -> None:
        self._pongs.cancel()
        self._socket.close()


def non_reader(services: Services, scale: Scale) -> Report:
    """A client that pongs and never reads is sent more than it can take."""
    report = Report(scale.slack)
    env = {
        **scale.env,
        "NOTIFIER_PING_INTERVAL": str(PING_INTERVAL),
        "NOTIFIER_PING_TIMEOUT": str(PING_TIMEOUT),
    }
    with World(services, env, **scale.world) as world, Producer(services) as producer:
        # The one who reads shows what the same events cost a worker that can pass them on.
        reader = world.clients[0]
        pid = next(one for one in world.server.worker_pids() if reader in world.clients_of(one))
        producer.flood(reader.user, scale.flood)
        elapsed_until(lambda: _passed_through(reader, scale.flood), PATIENCE)
        victim = _non_reader_on(world, pid)
        _flood(report, world, producer, victim, pid, scale)
        victim.close()
        check_converged(report, world, time.monotonic(), 5.0)
        report.exactly("others cut", sum(bool(one.ends) for one in world.clients[:-1]), 0)
    return report


def _passed_through(reader: Client, total: int) -> bool:
    """Whether the reader shows the last of the flood, so that the worker is quiet again."""
    last = total // NAMES - 1
    values = [reader.rule.value(f"flood.{name}") for name in range(NAMES)]
    return all(value and value[0] == last for value in values)


def _non_reader_on(world: World, pid: int) -> NonReader:
    for _ in range(50):
        candidate = NonReader(world)
        if candidate.held_by(pid):
            return candidate
        candidate.close()
    raise RuntimeError(f"worker {pid} takes no more clients")


def _flood(
    report: Report, world: World, producer: Producer, victim: NonReader, pid: int, scale: Scale
) -> None:
    worker = psutil.Process(pid)
    before = peak = worker.memory_info().rss
    world.start_load()
    began = time.monotonic()
    cut_after = math.inf
    with ThreadPoolExecutor(1) as pool:
        published: Future[int] = pool.submit(producer.flood, victim.user, scale.flood)
        while not published.done():
            peak = max(peak, worker.memory_info().rss)
            if cut_after == math.inf and not victim.held_by(pid):
                cut_after = time.monotonic() - began
            time.sleep(_SAMPLE_SECONDS)
    if cut_after == math.inf:
        cut_after = elapsed_until(lambda: not victim.held_by(pid), PATIENCE, began)
    ended = time.monotonic()
    report.at_least("events", published.result(), scale.flood * 0.9)
    report.at_most("held", (peak - before) / MEGABYTE, 1.0 * report.slack, " MB")
    report.within("cut after", cut_after, PING_INTERVAL + PING_TIMEOUT)
    report.tell("sends p99", p99(during(world.load.sends, began, ended)), " s")
