"""Parts that keep what is the host's apart from what is ours."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from notifier import MemoryPublisher, create_engine
from notifier.ownstore import OwnStore
from notifier.web.delivery import Sweep
from notifier.web.presence import Presence
from notifier.web.sessions import Sessions

OURS, HOSTS = "/notifier", "/"


class Server:
    """Engine.IO sessions and the namespaces they are in, as python-socketio has them."""

    def __init__(self, sessions: dict[str, list[str]]) -> None:
        self.eio = SimpleNamespace(sockets=sessions, disconnect=sessions.pop)
        self.manager = self

    def get_namespaces(self) -> list[str]:
        return [OURS, HOSTS]

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        return eio_sid if namespace in self.eio.sockets[eio_sid] else None

    def is_connected(self, sid: str, namespace: str) -> bool:
        return self.sid_from_eio_sid(sid, namespace) is not None

    def start_background_task(self, task: Any, *args: Any) -> None:
        task(*args)

    def sleep(self, _seconds: float) -> None:
        pytest.fail("there is nothing to wait for")


def sessions_of(server: Server, *, shared: bool, patience: float = 0.0) -> Sessions:
    joint: Any = SimpleNamespace(server=server, namespace=OURS, shared=shared)
    return Sessions(joint, Presence(), patience, lambda _sid: None)


@pytest.mark.parametrize(("shared", "left"), [(True, {"chat"}), (False, set())])
def test_a_stop_closes_what_is_ours(shared: bool, left: set[str]) -> None:
    server = Server({"badge": [OURS], "both": [OURS, HOSTS], "chat": [HOSTS]})
    sessions_of(server, shared=shared).close_all(1)
    assert set(server.eio.sockets) == left


def test_only_sessions_in_no_namespace_are_strangers() -> None:
    server = Server({"badge": [OURS], "chat": [HOSTS], "silent": []})
    sessions_of(server, shared=True).reap()
    assert set(server.eio.sockets) == {"badge", "chat"}


def test_threads_that_come_together_get_one_store() -> None:
    made = []
    both = threading.Barrier(2)

    def make() -> Any:
        made.append(1)
        with pytest.raises(threading.BrokenBarrierError):
            # Broken, as nobody else gets here: by the timeout.
            both.wait(0.2)
        return create_engine("sqlite://"), True

    own = OwnStore(make, MemoryPublisher())
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(own.get())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == len(set(map(id, found))) == 1


@pytest.mark.parametrize(
    ("reason", "told"),
    [("can't create new thread at interpreter shutdown", False), ("out of luck", True)],
)
def test_a_sweep_that_fails_because_the_process_ends_says_nothing(
    reason: str, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    tried = threading.Event()

    def refuse() -> None:
        tried.set()
        raise RuntimeError(reason)

    unused: Any = SimpleNamespace()
    sweep = Sweep(Presence(), unused, lambda _users: {}, 0.01, refuse)
    sweep.start()
    assert tried.wait(10)
    sweep.stop(10)
    assert ("unexpected way" in caplog.text) is told
