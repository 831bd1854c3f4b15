"""A small app to examine, and servers of every kind of wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest

from notifier import Notifier
from notifier.doctor.checks import CHECKS
from notifier.doctor.report import Result
from notifier.doctor.running import examine
from notifier.doctor.site import Site
from tests.doctor.proxy import Proxy
from tests.services.process import Reaper
from tests.services.server import SECRET_KEY, ServerProcess
from tests.services.valkey import Valkey

Host = Callable[..., Notifier]
Examine = Callable[..., dict[str, Result]]
Through = Callable[..., Proxy]
ValkeyWith = Callable[..., Valkey]


@pytest.fixture
def host(sqlite_url: str) -> Iterator[Host]:
    """A function that makes an app with the notifier in it: `host(REDIS_URL=...)`."""
    made: list[Notifier] = []

    def make(engine: Any = None, **config: Any) -> Notifier:
        app = flask.Flask("host")
        app.config.update({"SECRET_KEY": SECRET_KEY, "DATABASE_URL": sqlite_url, **config})
        notifier = Notifier(app, engine=engine)
        made.append(notifier)
        return notifier

    yield make
    for notifier in made:
        notifier.stop(1)
        notifier.engine.dispose()


@pytest.fixture
def look(host: Host) -> Examine:
    """A function that makes an app and some checks of it: `look("secret", SECRET_KEY="dev")`."""

    def look(
        *names: str, url: str | None = None, workers: int = 1, engine: Any = None, **config: Any
    ) -> dict[str, Result]:
        site = Site(host(engine, **config), url=url, workers=workers)
        chosen = [check for check in CHECKS if check.name in names]
        assert len(chosen) == len(names)
        found = {one.check: one.result for one in examine(site, chosen)}
        site.close()
        return found

    return look


@pytest.fixture
def valkey_with(service_dir: Path, reaper: Reaper) -> Iterator[ValkeyWith]:
    """A function that starts a Valkey with options of its own."""
    started: list[Valkey] = []

    def start(*options: str) -> Valkey:
        folder = Path(tempfile.mkdtemp(prefix="valkey-", dir=service_dir))
        server = Valkey(folder, reaper, *options)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.close()


@pytest.fixture
def outside(deployed: ServerProcess, look: Examine) -> Examine:
    """Like `look`, with the settings of the deployed app."""

    def examine(*names: str, url: str, **config: Any) -> dict[str, Result]:
        keys = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "NOTIFIER_CHANNEL")
        return look(*names, url=url, **{key: deployed.env[key] for key in keys} | config)

    return examine


@pytest.fixture
def through(deployed: ServerProcess) -> Iterator[Through]:
    """A function that puts a proxy in front of the deployed app: `through(tls=...)`."""
    proxies: list[Proxy] = []

    def start(**behaviour: Any) -> Proxy:
        proxy = Proxy(deployed.port, **behaviour)
        proxies.append(proxy)
        return proxy

    yield start
    for proxy in proxies:
        proxy.close()
