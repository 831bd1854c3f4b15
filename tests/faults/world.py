"""A small world to break: two workers, connected users, steady sends, and what came of them."""

from __future__ import annotations

import asyncio
import http.client
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Self

import psutil

from notifier.web.tokens import Tokens
from tests.faults.client import Client
from tests.faults.database import Database
from tests.faults.load import Load, Sent
from tests.faults.proxy import Proxy
from tests.faults.services import Services
from tests.services.server import SECRET_KEY, ServerProcess

TICK = 0.02
# A machine that is busy with other things takes its time; what must be fast is measured.
PATIENCE = 60.0
_AT_ONCE = 50


def elapsed_until(
    condition: Callable[[], bool], patience: float, since: float | None = None
) -> float:
    """Seconds from ``since`` (now) until ``condition`` holds; infinite if it does not in time."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > patience:
            return math.inf
        time.sleep(TICK)
    return time.monotonic() - (began if since is None else since)


class World:
    """Two workers with ``users`` connected, each with ``sockets``, on an empty database.

    A context manager. ``late`` users more are there without a client, until ``connect_late``.
    ``front`` puts a proxy between clients and server.
    """

    def __init__(
        self,
        services: Services,
        env: Mapping[str, str] | None = None,
        *,
        users: int = 100,
        late: int = 0,
        sockets: int = 1,
        rate: float = 50.0,
        own_polls: bool = True,
        front: bool = False,
    ) -> None:
        self.services = services
        self.users = [f"user{number}" for number in range(users)]
        self._late = [f"late{number}" for number in range(late)]
        tokens = Tokens([SECRET_KEY], 86_400)
        self.tokens = {user: tokens.make(user) for user in [*self.users, *self._late]}
        urls = {"DATABASE_URL": services.database_url, "REDIS_URL": services.redis_url}
        self.server = ServerProcess(
            services.folder, services.reaper, env={**urls, **(env or {})}, workers=2
        )
        self._started = False
        self.database = Database(services.database)
        self.load = Load(self.server.port, {user: self.tokens[user] for user in self.users}, rate)
        self.front = Proxy(services.background, self.server.port) if front else None
        door = self.server.port if self.front is None else self.front.port
        self.clients = [
            Client(user, self.tokens[user], door, own_polls=own_polls)
            for _ in range(sockets)
            for user in self.users
        ]

    def __enter__(self) -> Self:
        self.services.reset()
        self.database.empty(self.tokens)
        try:
            self._started = True
            self.server.start("/readyz")
            self.connect(self.clients)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    # -- acting ---------------------------------------------------------------------------

    def connect(self, clients: Sequence[Client]) -> None:
        """Start ``clients``, some at a time, and wait until all are connected."""
        for start in range(0, len(clients), _AT_ONCE):
            some = clients[start : start + _AT_ONCE]
            for client in some:
                self.services.background.run(client.start())
            if elapsed_until(partial(connected, some), PATIENCE) == math.inf:
                raise RuntimeError(f"clients cannot connect:\n{self.server.output()[-2000:]}")

    def connect_late(self) -> list[Client]:
        """Let the late users come, each with one socket."""
        clients = [
            Client(user, self.tokens[user], self.server.port, own_polls=False)
            for user in self._late
        ]
        self.clients.extend(clients)
        self.connect(clients)
        return clients

    def start_load(self, warm_up: float = 1.0) -> None:
        """Begin to send steadily, and let that go on for a moment."""
        self.services.background.run(self.load.start())
        time.sleep(warm_up)

    def stop_load(self) -> None:
        self.services.background.run(self.load.stop())

    def send(self, to: str | Sequence[str]) -> Sent:
        """Send one message, and wait for the answer."""
        return self.services.background.run(self.load.send(to))

    def send_all(self, to: Iterable[str]) -> list[Sent]:
        """Send a message to each, all at once."""
        return self.services.background.run(_gather(self.load, list(to)))

    def caught_up(self, since: float, patience: float = PATIENCE) -> float:
        """Seconds from ``since`` (monotonic) until every badge shows what is true now, or newer.

        Meanwhile sends may go on; nobody may mark anything read.
        """
        truth = self.database.unread()
        return elapsed_until(
            lambda: all(one.count >= truth.get(one.user, 0) for one in self.clients),
            patience,
            since,
        )

    def settle(self, patience: float = PATIENCE) -> float:
        """End the load; seconds from the last answer until every badge is exactly right."""
        self.stop_load()
        return elapsed_until(lambda: not self.wrong(), patience)

    # -- looking --------------------------------------------------------------------------

    def wrong(self) -> int:
        """How many badges do not show the database's count right now."""
        truth = self.database.unread()
        return sum(client.count != truth.get(client.user, 0) for client in self.clients)

    def regressions(self) -> int:
        """How often a client showed something older after something newer."""
        return sum(client.regressions for client in self.clients)

    def ends(self) -> int:
        """How many connections of clients have ended."""
        return sum(len(client.ends) for client in self.clients)

    def unpushed(self, sends: Iterable[Sent], patience: float) -> list[Sent]:
        """Those of ``sends`` that were not pushed to all sockets within ``patience`` seconds."""
        clients: dict[str, list[Client]] = defaultdict(list)
        for client in self.clients:
            clients[client.user].append(client)
        return [
            one
            for one in sends
            if one.status == 201
            and not all(_pushed(client, one, patience) for client in clients[one.user])
        ]

    def clients_of(self, pid: int) -> list[Client]:
        """The clients whose sockets this worker holds."""
        ports = {port for _, port in sockets(pid, self.server.port)}
        return [client for client in self.clients if client.local_port in ports]

    def connection_to(self, pid: int) -> http.client.HTTPConnection:
        """A connection that this worker has accepted and keeps alive."""
        for _ in range(200):
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=5)
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            port = connection.sock.getsockname()[1]
            if port in {remote for _, remote in sockets(pid, self.server.port)}:
                return connection
            connection.close()
        raise RuntimeError(f"worker {pid} accepts no connections")

    # -- small things ---------------------------------------------------------------------

    def _close(self) -> None:
        run = self.services.background.run
        run(self.load.cancel())
        run(_stop(self.clients))
        if self.front is not None:
            self.front.close()
        # Faults may still hold; nobody waits for an orderly end.
        if self._started:
            self.server.kill()
        self.database.close()


def connected(clients: Iterable[Client]) -> bool:
    return all(client.connected for client in clients)


def sockets(pid: int, port: int) -> list[tuple[int, int]]:
    """(own, peer's) port of each connection that a process holds on its port ``port``."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return []
    return [
        (one.laddr.port, one.raddr.port)
        for one in connections
        if one.status == psutil.CONN_ESTABLISHED and port in (one.laddr.port, one.raddr.port)
    ]


def _pushed(client: Client, sent: Sent, patience: float) -> bool:
    deadline = sent.ended + patience
    return any(at <= deadline and stamp > sent.timestamp for at, _, stamp in client.pushes)


async def _gather(load: Load, users: Sequence[str]) -> list[Sent]:
    return await asyncio.gather(*(load.send(user) for user in users))


async def _stop(clients: Iterable[Client]) -> None:
    await asyncio.gather(*(client.stop() for client in clients))
