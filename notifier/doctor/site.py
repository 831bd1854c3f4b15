"""What is examined: an app's notifier in this process, and its public address if there is one."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from redis import Redis
from sqlalchemy import Connection, Engine, MetaData
from sqlalchemy.pool import QueuePool, StaticPool
from werkzeug.routing import BuildError

from ..broker.endpoint import Endpoint, endpoint_of
from ..broker.wire import Wire
from ..config import Settings
from ..fairpool import FairQueuePool
from ..hostengine import is_beside
from ..web.joint import Joint
from ..web.serving import wire_of
from .launch import Launch, launch_of

if TYPE_CHECKING:
    import flask

    from ..extension import Notifier
    from .handshake import WebSocket

__all__ = ["Site"]

T = TypeVar("T")


class Site:
    """The deployment, as far as it can be seen from the shell in which the doctor runs.

    ``url`` is the public address, ``module`` what a server would import, and ``workers`` how many
    it starts, where somebody said so.
    """

    def __init__(
        self,
        notifier: Notifier,
        *,
        url: str | None = None,
        module: str | None = None,
        workers: int | None = None,
    ) -> None:
        self.notifier = notifier
        self.url = url
        self.module = module
        self._workers = workers
        self._launch: Launch | None = None
        self.visit = secrets.token_hex(8)
        self.date: tuple[str, int] | None = None
        self.broker_of_server = ""
        self.several_serve: bool | None = None
        self.socket: WebSocket | None = None

    @property
    def settings(self) -> Settings:
        """The settings of the notifier."""
        return self.notifier.settings

    @property
    def joint(self) -> Joint:
        """The Socket.IO that serves our namespace: our own, or the host's."""
        return self.notifier.serving.joint

    @property
    def socket_path(self) -> str:
        """Where that one answers, below the public address."""
        return self.joint.path if self.joint.shared else self.settings.socket_path

    @property
    def app(self) -> flask.Flask:
        """The app, which a command always has."""
        assert self.notifier.app is not None
        return self.notifier.app

    @property
    def engine(self) -> Engine:
        """The database of the notifier's own transactions."""
        return self.notifier.engine

    @property
    def host_tables(self) -> list[MetaData]:
        """What the app has registered to be made with our own tables."""
        return self.notifier._tables

    @property
    def wire(self) -> Wire:
        """Channels and seal. Raises ConfigurationError without a key."""
        return wire_of(self.settings)

    @property
    def endpoint(self) -> Endpoint:
        """Where Redis is."""
        return endpoint_of(self.settings.redis_url, self.settings.broker_timeout)

    @property
    def launch(self) -> Launch:
        """How a server would start the app; asked for once, in a process of its own."""
        if self._launch is None:
            self._launch = launch_of(self.module)
        return self._launch

    @property
    def workers(self) -> tuple[int, str]:
        """How many worker processes are configured, and who says so; empty: nobody, so it is 1.

        What a server was told on its command line cannot be seen from here.
        """
        if self._workers is not None:
            return self._workers, "--workers"
        if self.launch.workers is not None:
            return self.launch.workers, self.launch.said_by
        if count := os.environ.get("WEB_CONCURRENCY"):
            return int(count), "WEB_CONCURRENCY"
        return 1, ""

    @property
    def pool(self) -> tuple[int | None, str]:
        """The most connections a process opens, None if nothing limits it, and what sets it."""
        pool: Any = self.engine.pool
        if isinstance(pool, FairQueuePool):
            ours = pool.size() == self.settings.pool_size
            return pool.size(), "NOTIFIER_POOL_SIZE" if ours else "the engine's pool_size"
        if not isinstance(pool, QueuePool):
            return (1 if isinstance(pool, StaticPool) else None), type(pool).__name__
        more, pools = int(pool._max_overflow), 2 if is_beside(self.engine) else 1
        what = "the engine's pool_size and max_overflow"
        if more < 0:
            return None, what
        return pools * (pool.size() + more), f"{what}, twice" if pools == 2 else what

    @contextlib.contextmanager
    def nodes(self) -> Iterator[list[Redis]]:
        """A client for each Redis server that carries messages."""
        clients = [Redis(connection_pool=pool) for pool in self.endpoint.pools()]
        try:
            yield clients
        finally:
            for client in clients:
                client.close()

    def ask(self, question: Callable[[Connection], T]) -> T:
        """The answer of the database to ``question``, in a transaction that is rolled back."""
        with self.engine.connect() as connection:
            return question(connection)

    def path(self, view: str, default: str) -> str:
        """Where the app serves one of the notifier's views."""
        endpoint = f"{self.notifier.blueprints[0].name}.{view}"
        try:
            return str(self.app.url_map.bind("localhost").build(endpoint))
        except BuildError:
            return default

    def close(self) -> None:
        """Let go of the socket."""
        if self.socket is not None:
            self.socket.close()
