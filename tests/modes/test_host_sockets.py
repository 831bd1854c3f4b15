"""On a Socket.IO of the host's, whose own clients go on as before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import socketio
import websocket

from tests.modes.hosts import Host
from tests.support import wait_until


@pytest.fixture
def chat(shared: Host) -> Iterator[socketio.Client]:
    """A client of the host's own namespace."""
    client = socketio.Client(reconnection=False)
    client.connect(shared.url, namespaces=["/chat"], transports=["websocket"], wait_timeout=20)
    yield client
    client.disconnect()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_the_hosts_handlers_answer(shared: Host, transport: str) -> None:
    client = socketio.Client(reconnection=False)
    client.connect(shared.url, namespaces=["/chat"], transports=[transport], wait_timeout=20)
    assert client.call("say", "hi", namespace="/chat", timeout=20) == "HI"
    client.disconnect()


def test_the_hosts_own_sockets_stay_while_silent_ones_are_closed(
    shared: Host, chat: socketio.Client
) -> None:
    before = shared.about()["reaped"]
    address = shared.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
    silent = websocket.create_connection(address, timeout=20)
    wait_until(lambda: shared.about()["reaped"] > before, message="the silent one is closed")
    assert chat.call("say", "hi", namespace="/chat", timeout=20) == "HI"
    silent.shutdown()
