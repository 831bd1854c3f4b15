"""nginx and haproxy, configured as docs/deploying.md has it, before the real app."""

from __future__ import annotations

import http.client
import ssl

import pytest

from notifier.doctor.report import State
from notifier.web.tokens import Tokens
from tests.deploying.conftest import Front, doctor, run_nginx
from tests.listener import Listener
from tests.services.process import Reaper
from tests.services.server import ServerProcess
from tests.support import free_port, wait_until

HANDSHAKE = "/socket.io/?EIO=4&transport=websocket"


def get(proxy: Front, trusted: ssl.SSLContext, path: str, **headers: str) -> tuple[int, bytes]:
    """GET through the proxy, from an address that is not the proxy's own."""
    connection = http.client.HTTPSConnection(
        "localhost", proxy.port, timeout=5, context=trusted, source_address=("127.0.0.2", 0)
    )
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


@pytest.mark.usefixtures("trusted")
def test_the_doctor_finds_nothing_wrong(proxy: Front, deployed: ServerProcess) -> None:
    found = doctor(deployed, proxy.url)
    assert {one.state for one in found.values()} == {State.OK}, found


@pytest.mark.usefixtures("trusted")
def test_a_page_is_told_a_head_through_it(proxy: Front, deployed: ServerProcess) -> None:
    listener = Listener(proxy.url, token_for_alice(deployed), polls=False, origin=proxy.url)
    wait_until(lambda: [name for name, _ in listener.received] == ["head"])
    listener.close()


def test_plain_http_is_redirected(proxy: Front) -> None:
    connection = http.client.HTTPConnection("localhost", proxy.plain_port, timeout=5)
    connection.request("GET", "/messages?before=1", headers={"Host": "localhost"})
    answer = connection.getresponse()
    connection.close()
    assert answer.status == 308
    assert answer.headers["Location"] == "https://localhost/messages?before=1"


def test_a_client_cannot_make_a_foreign_origin_its_own(
    proxy: Front, trusted: ssl.SSLContext
) -> None:
    evil = f"evil.example:{proxy.port}"
    forged = {"Origin": f"https://{evil}", "X-Forwarded-Host": evil}
    status, body = get(proxy, trusted, HANDSHAKE, **forged)
    assert (status, b"accepted origin" in body) == (400, True)


def test_figures_are_not_for_the_public(proxy: Front, trusted: ssl.SSLContext) -> None:
    assert get(proxy, trusted, "/metrics")[0] == 403


def test_the_doctor_finds_an_nginx_without_the_upgrade(
    deployed: ServerProcess, reaper: Reaper, tmp_path_factory: pytest.TempPathFactory
) -> None:
    port = free_port()
    text = f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:"
    text += f"{deployed.port}; proxy_set_header Host $http_host; }} }}"
    process = run_nginx(tmp_path_factory.mktemp("nginx"), text, reaper)
    wait_until(lambda: doctor(deployed, f"http://localhost:{port}")["server"].state is State.OK)
    found = doctor(deployed, f"http://localhost:{port}")["upgrade"]
    process.stop()
    assert (found.state, "took the upgrade away" in found.found) == (State.WRONG, True)


def token_for_alice(deployed: ServerProcess) -> str:
    """A token for somebody, made with the app's key."""
    return Tokens([deployed.env["SECRET_KEY"]], 60).make("alice")
