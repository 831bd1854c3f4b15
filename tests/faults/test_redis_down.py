"""Redis stops, freezes and returns: sends go on, the badge arrives, then pushes flow again."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import requests

from tests.conftest import Serve
from tests.listener import Listener
from tests.services.server import ServerProcess
from tests.services.valkey import Valkey
from tests.support import wait_until

SWEEP = {"NOTIFIER_SWEEP_INTERVAL": "0.5"}


@pytest.fixture
def server(serve: Serve, fresh_valkey: Valkey) -> ServerProcess:
    server = serve({"REDIS_URL": fresh_valkey.url, **SWEEP}, ready="/readyz")
    server.flask("notifier", "create-user", "alice", "--password", "a long password")
    return server


@pytest.fixture
def token(server: ServerProcess) -> str:
    return server.flask("notifier", "token", "alice").strip()


@pytest.fixture
def alice(server: ServerProcess, token: str) -> Iterator[Listener]:
    listener = Listener(server.url, token)
    wait_until(lambda: listener.received, message="the first head")
    yield listener
    listener.close()


def send(server: ServerProcess, token: str) -> None:
    answer = requests.post(
        f"{server.url}/api/v1/messages",
        json={"to": "alice", "body": "hi"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert answer.status_code == 201


def pushes(listener: Listener) -> int:
    return sum(name != "head" for name, _ in listener.received)


def test_a_send_is_pushed(server: ServerProcess, token: str, alice: Listener) -> None:
    send(server, token)
    wait_until(lambda: pushes(alice) == 1)
    assert alice.count == 1


def test_while_redis_is_stopped_the_sweep_tells_and_the_poll_brings(
    server: ServerProcess, fresh_valkey: Valkey, token: str, alice: Listener
) -> None:
    fresh_valkey.stop()
    send(server, token)
    wait_until(lambda: alice.count == 1)
    assert (pushes(alice), alice.polled > 0) == (0, True)


def test_a_plain_poller_sees_it_too(
    server: ServerProcess, fresh_valkey: Valkey, token: str
) -> None:
    fresh_valkey.stop()
    send(server, token)
    answer = requests.get(
        f"{server.url}/notifications", headers={"Authorization": f"Bearer {token}"}, timeout=10
    )
    assert [event["data"] for event in answer.json()] == [1]


def test_a_server_with_something_to_publish_stops_without_redis(
    server: ServerProcess, fresh_valkey: Valkey, token: str
) -> None:
    fresh_valkey.stop()
    send(server, token)
    assert server.stop(timeout=15) == 0
    assert "did not stop within" not in server.output()


def test_after_redis_returns_pushes_flow_again(
    server: ServerProcess, fresh_valkey: Valkey, token: str, alice: Listener
) -> None:
    fresh_valkey.stop()
    wait_until(lambda: not server.answers("/readyz"), message="readiness fails without Redis")
    send(server, token)
    fresh_valkey.start()
    wait_until(lambda: server.answers("/readyz"), message="readiness is back")
    before = pushes(alice)
    send(server, token)
    wait_until(lambda: pushes(alice) > before)
    wait_until(lambda: alice.count == 2)


def test_a_frozen_redis_delays_no_send(
    server: ServerProcess, fresh_valkey: Valkey, token: str, alice: Listener
) -> None:
    fresh_valkey.freeze()
    began = time.monotonic()
    for _ in range(10):
        send(server, token)
    # Ten sends that each waited for one timeout of Redis would take ten seconds.
    assert time.monotonic() - began < 8
    wait_until(lambda: alice.count == 10)
    fresh_valkey.thaw()
    wait_until(lambda: server.answers("/readyz"), message="readiness is back")


def test_what_is_stopped_and_started_is_logged_once_each(
    server: ServerProcess, fresh_valkey: Valkey, token: str
) -> None:
    fresh_valkey.stop()
    send(server, token)
    wait_until(lambda: "does not take publications" in server.output())
    fresh_valkey.start()
    wait_until(lambda: "Subscribed to Redis again" in server.output())
    assert server.output().count("No subscription to Redis") == 1


def test_a_server_that_starts_without_redis_serves_and_joins_later(
    serve: Serve, fresh_valkey: Valkey
) -> None:
    fresh_valkey.stop()
    server = serve({"REDIS_URL": fresh_valkey.url, **SWEEP})
    assert not server.answers("/readyz")
    fresh_valkey.start()
    wait_until(lambda: server.answers("/readyz"), message="readiness comes with Redis")
