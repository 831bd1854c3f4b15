"""A client that does not read: others go on as before, and what is held for it has a bound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.modes.hosts import Host, connect, pushed
from tests.support import wait_until

LARGE = "x" * 15_000
MANY = 400  # times LARGE is more than our transport and two kernels hold for a client

About = dict[str, Any]


@pytest.fixture(scope="module", params=["host", "shared"])
def crowded(request: pytest.FixtureRequest, mode: str) -> Iterator[tuple[Host, About]]:
    """A server, ours and with the host's Socket.IO, where somebody is sent too much to take, and
    what it said of itself before.
    """
    host: Host = request.getfixturevalue(request.param)
    user = f"{request.param}.does.not.read"
    with closing(connect(host, user, receive_buffer=4096)):
        before = host.about()
        with host.script.transaction():
            for number in range(MANY):
                host.script.notify(user, f"large{number}", LARGE)
        yield host, before


def test_who_does_not_read_keeps_nobody_waiting(crowded: tuple[Host, About], alice: str) -> None:
    host, _ = crowded
    with closing(host.listen(alice)) as listener:
        host.notify(alice, "small", 1)
        wait_until(lambda: pushed(listener, "small"), 30)


@pytest.mark.parametrize("crowded", ["host"], indirect=True)
def test_our_transport_cuts_who_does_not_read(crowded: tuple[Host, About]) -> None:
    host, before = crowded
    wait_until(lambda: host.about()["slow"] > before["slow"], 30)
