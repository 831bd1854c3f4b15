"""Sockets of the deployed app: who may connect, and what comes by push alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import websocket

from notifier import Notifier
from notifier.models import UNREAD
from notifier.web.tokens import Tokens
from tests.listener import Listener, Refused
from tests.services.process import Reaper
from tests.services.server import SECRET_KEY, ServerProcess
from tests.services.valkey import Valkey
from tests.support import wait_until

PASSWORD = "a long password"


@pytest.fixture(scope="module", params=["lean", "stock"])
def server(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    reaper: Reaper,
    valkey: Valkey,
) -> Iterator[ServerProcess]:
    folder: Path = tmp_path_factory.mktemp("sockets")
    server = ServerProcess(
        folder,
        reaper,
        env={
            "DATABASE_URL": f"sqlite:///{folder / 'served.db'}",
            "REDIS_URL": valkey.url,
            "NOTIFIER_CHANNEL": f"sockets-{folder.name}",
            "NOTIFIER_SOCKET_ENGINE": request.param,
            "NOTIFIER_SOCKETS_PER_USER": "3",
            "NOTIFIER_CONNECT_TIMEOUT": "0.5",
            "NOTIFIER_SWEEP_INTERVAL": "0.5",
            "NOTIFIER_ALLOWED_ORIGINS": "https://allowed.example",
        },
    )
    server.flask("notifier", "init-db")
    server.flask("notifier", "create-user", "alice", "bob", "--password", PASSWORD)
    server.start()
    yield server
    server.close()


@pytest.fixture
def producer(server: ServerProcess) -> Iterator[Notifier]:
    """Another process in all but name: it shares the database and Redis, and serves nothing."""
    notifier = Notifier.from_url(
        server.env["DATABASE_URL"],
        server.env["REDIS_URL"],
        SECRET_KEY=SECRET_KEY,
        NOTIFIER_CHANNEL=server.env["NOTIFIER_CHANNEL"],
    )
    yield notifier
    notifier.stop()
    notifier.engine.dispose()


def token(user: str, key: str = SECRET_KEY, max_age: int = 60) -> str:
    return Tokens([key], max_age).make(user)


@pytest.fixture
def alice(server: ServerProcess) -> Iterator[Listener]:
    """Alice's client, without polling: what it shows came by push."""
    listener = Listener(server.url, token("alice"), polls=False)
    wait_until(lambda: listener.received, message="the first head")
    yield listener
    listener.close()


def refusal(server: ServerProcess, token: str | None) -> str:
    with pytest.raises(Refused) as refused:
        Listener(server.url, token)
    return str(refused.value.args[0])


def test_the_first_event_is_the_head(alice: Listener, producer: Notifier) -> None:
    assert alice.received[0] == ("head", {"timestamp": producer.head("alice")})


def test_two_names_in_one_transaction_both_arrive(alice: Listener, producer: Notifier) -> None:
    with producer.transaction():
        producer.notify("alice", "order", time.time())
        producer.notify("alice", "progress", time.time())
    wait_until(lambda: {"order", "progress"} <= alice.rule.values.keys())
    wait_until(lambda: alice.rule.cursor == producer.head("alice"))


def test_a_message_to_oneself_arrives(server: ServerProcess, alice: Listener) -> None:
    requests.post(
        f"{server.url}/api/v1/messages",
        json={"to": "alice", "body": "note to self"},
        headers={"Authorization": f"Bearer {token('alice')}"},
        timeout=10,
    )
    wait_until(lambda: UNREAD in [name for name, _ in alice.received])


def test_the_command_line_reaches_the_socket(server: ServerProcess, alice: Listener) -> None:
    server.flask("notifier", "notify", "alice", "deploy", '{"at": 3}')
    wait_until(lambda: alice.rule.value("deploy") == {"at": 3})


def test_a_rolled_back_transaction_pushes_nothing(alice: Listener, producer: Notifier) -> None:
    with pytest.raises(OSError, match="no"), producer.transaction():  # noqa: PT012
        producer.notify("alice", "ghost", 1)
        raise OSError("no")
    with producer.transaction():
        producer.notify("alice", "real", time.time())
    wait_until(lambda: "real" in alice.rule.values)
    assert "ghost" not in [name for name, _ in alice.received]


def test_an_event_of_bob_does_not_reach_alice(alice: Listener, producer: Notifier) -> None:
    with producer.transaction():
        producer.notify("bob", "secret", 1)
        producer.notify("alice", "marker", time.time())
    wait_until(lambda: "marker" in alice.rule.values)
    assert "secret" not in [name for name, _ in alice.received]


def test_a_signed_in_browser_needs_no_token(server: ServerProcess) -> None:
    with requests.Session() as session:
        page = session.get(f"{server.url}/login", timeout=10).text
        csrf = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
        form = {"username": "bob", "password": PASSWORD, "csrf_token": csrf}
        assert session.post(f"{server.url}/login", data=form, timeout=10).ok
        cookie = "; ".join(f"{name}={value}" for name, value in session.cookies.items())
    listener = Listener(server.url, None, cookie=cookie)
    wait_until(lambda: listener.received, message="the first head")
    listener.close()


def test_a_stranger_is_unauthorized(server: ServerProcess) -> None:
    assert refusal(server, None) == "unauthorized"


def test_a_forged_token_is_unauthorized(server: ServerProcess) -> None:
    key_id, _, rest = token("alice").partition(".")
    assert refusal(server, f"{key_id}.x{rest}") == "unauthorized"


def test_an_old_token_is_expired(server: ServerProcess) -> None:
    assert refusal(server, token("alice", max_age=-1)) == "expired"


def test_a_token_of_a_dropped_key_is_revoked(server: ServerProcess) -> None:
    assert refusal(server, token("alice", key="a key of last year")) == "revoked"


def test_a_user_cannot_hold_any_number_of_sockets(server: ServerProcess) -> None:
    held = [Listener(server.url, token("bob")) for _ in range(3)]
    assert refusal(server, token("bob")) == "too_many"
    for listener in held:
        listener.close()
    wait_until(lambda: can_connect(server, "bob"), message="room for a socket again")


def can_connect(server: ServerProcess, user: str) -> bool:
    try:
        Listener(server.url, token(user)).close()
    except Refused:
        return False
    return True


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_foreign_origin_fails_in_the_handshake(server: ServerProcess, origin: str) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException, match="400"):
        Listener(server.url, token("alice"), suppress_origin=False, origin=origin)


@pytest.mark.parametrize("origin", ["https://allowed.example", "own"])
def test_the_own_origin_and_an_allowed_one_connect(server: ServerProcess, origin: str) -> None:
    origin = server.url if origin == "own" else origin
    Listener(server.url, token("alice"), suppress_origin=False, origin=origin).close()


def test_forwarded_headers_make_no_origin_ours(server: ServerProcess) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    with pytest.raises(websocket.WebSocketBadStatusException, match="400"):
        Listener(
            server.url,
            token("alice"),
            suppress_origin=False,
            origin="https://evil.example",
            header=headers,
        )


def test_no_client_picks_a_room(server: ServerProcess, alice: Listener, producer: Notifier) -> None:
    for room in ("user:bob", ["user:bob"]):
        for event in ("join", "join_room", "enter_room", "subscribe"):
            alice._socket.send("42" + json.dumps([event, room]))
    with producer.transaction():
        producer.notify("bob", "secret", time.time())
        producer.notify("alice", "marker", time.time())
    wait_until(lambda: "marker" in alice.rule.values)
    assert "secret" not in [name for name, _ in alice.received]


def test_events_named_like_our_handlers_do_nothing(
    server: ServerProcess, alice: Listener, producer: Notifier
) -> None:
    for name in ("connect", "disconnect"):
        alice._socket.send("42" + json.dumps([name, {"token": token("bob")}]))
    with producer.transaction():
        producer.notify("bob", "secret", time.time())
        producer.notify("alice", "marker", time.time())
    wait_until(lambda: "marker" in alice.rule.values, message="still present, still pushed")
    assert "secret" not in [name for name, _ in alice.received]


@pytest.mark.parametrize("words", [[], ["40"]], ids=["silent", "refused"])
def test_a_socket_that_does_not_sign_in_is_closed(server: ServerProcess, words: list[str]) -> None:
    address = server.url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
    socket = websocket.create_connection(address, timeout=10, suppress_origin=True)
    for word in words:
        socket.send(word)
    while socket.recv():
        pass
    socket.shutdown()


# The stock transport reads on for as long as he sends.
@pytest.mark.parametrize("server", ["lean"], indirect=True)
def test_a_stranger_who_floods_is_closed_while_he_does(server: ServerProcess) -> None:
    address = server.url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
    socket = websocket.create_connection(address, timeout=10, suppress_origin=True)
    frame = "42" + json.dumps(["flood", "x" * 4_000])
    until = time.monotonic() + 30
    with pytest.raises((OSError, websocket.WebSocketException)):  # noqa: PT012
        while time.monotonic() < until:
            socket.send(frame)
    socket.shutdown()


def test_a_chunked_body_is_read(server: ServerProcess) -> None:
    answer = requests.post(
        f"{server.url}/api/v1/messages",
        data=iter([b'{"to": "alice", ', b'"body": "in pieces"}']),
        headers={"Authorization": f"Bearer {token('alice')}"},
        timeout=10,
    )
    assert answer.status_code == 201


def test_polling_as_a_transport_is_off(server: ServerProcess) -> None:
    answer = requests.get(f"{server.url}/socket.io/?EIO=4&transport=polling", timeout=10)
    assert answer.status_code == 400
