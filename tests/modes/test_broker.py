"""Redis is gone or answers nothing while sends go on: nobody waits for it, and it comes back."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from notifier.models import UNREAD
from tests.modes.hosts import Host, pushed
from tests.services.process import Reaper
from tests.services.valkey import Valkey
from tests.support import wait_until

FAULTS: dict[str, tuple[Callable[[Valkey], Any], Callable[[Valkey], Any]]] = {
    "killed": (Valkey.kill, Valkey.start),
    "frozen": (Valkey.freeze, Valkey.thaw),
}
SENDS = 20


@pytest.fixture(scope="module")
def broker(service_dir: Path, reaper: Reaper) -> Iterator[Valkey]:
    """A Valkey that these tests may kill."""
    server = Valkey(Path(tempfile.mkdtemp(prefix="valkey-", dir=service_dir)), reaper)
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def host(
    mode: str, tmp_path_factory: pytest.TempPathFactory, reaper: Reaper, broker: Valkey
) -> Iterator[Host]:
    """A server that depends on it."""
    host = Host(mode, tmp_path_factory.mktemp("broker"), reaper, broker.url)
    yield host
    host.close()


@dataclass
class Outage:
    """What was seen from before it to after it."""

    statuses: list[int]
    polled: int
    shown: int
    pushed_after: list[Any]


@pytest.fixture(scope="module", params=FAULTS)
def outage(host: Host, broker: Valkey, request: pytest.FixtureRequest) -> Outage:
    """An outage of Redis in the middle of sends to one user, who has a page open."""
    begin, end = FAULTS[request.param]
    user = f"alice.{request.param}"
    with closing(host.listen(user)) as listener:
        begin(broker)
        try:
            statuses = sends(host, user)
            polled = host.badge(user)
            wait_until(lambda: listener.count == SENDS, 20, "the page shows it, by the sweep")
            wait_until(lambda: readiness(host) == 503, 20, "the worker knows of the outage")
            assert pushed(listener, UNREAD) == []
        finally:
            end(broker)
        wait_until(lambda: readiness(host) == 200, 20, "the worker is subscribed again")
        host.post({"to": user, "body": "after"}, host.bearer("sender")).raise_for_status()
        wait_until(lambda: SENDS + 1 in pushed(listener, UNREAD), 20, "it is pushed")
        return Outage(statuses, polled, listener.count, pushed(listener, UNREAD))


def sends(host: Host, user: str) -> list[int]:
    """Send from several threads; the statuses of the answers. One that does not come raises."""
    sender, message = host.bearer("sender"), {"to": user, "body": "hi"}
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda _: host.post(message, sender).status_code, range(SENDS)))


def readiness(host: Host) -> int:
    return requests.get(f"{host.url}/readyz", timeout=20).status_code


def test_every_send_is_answered_meanwhile(outage: Outage) -> None:
    assert outage.statuses == [201] * SENDS


def test_polls_bring_what_was_sent_meanwhile(outage: Outage) -> None:
    assert outage.polled == SENDS


def test_pushes_come_again_after_it(outage: Outage) -> None:
    assert outage.pushed_after[-1] == outage.shown == SENDS + 1


def test_no_counter_is_wrong_after_it(outage: Outage, host: Host) -> None:
    assert host.script.audit() == []
