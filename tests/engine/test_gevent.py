"""The lean transport on gevent's own server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.clients import connect, events
from tests.engine.served import Served
from tests.services.process import Reaper
from tests.support import wait_until


@pytest.fixture
def served(tmp_path: Path, reaper: Reaper) -> Iterator[Served]:
    served = Served(tmp_path, reaper, footing="gevent's own")
    served.wait_ready()
    yield served
    served.process.kill()


def test_sockets_of_gevents_own_server_are_pushed_to(served: Served) -> None:
    listener, _ = connect(served)
    assert served.get("/mode") == (200, "gevent")
    assert served.get("/emit?count=3&size=60&batch=1&rest_ms=1") == (200, "done")
    assert [one["number"] for one in events(listener, 3)] == [0, 1, 2]
    listener.close()


def test_a_socket_that_ends_leaves_no_answer_and_no_traceback(served: Served) -> None:
    listener, _ = connect(served)
    listener.close()
    wait_until(lambda: served.counts()["sockets"] == 0, message="the session has ended")
    assert served.get("/pid")[0] == 200
    assert "Traceback" not in served.output()
