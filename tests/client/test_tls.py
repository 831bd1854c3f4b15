"""A server over TLS is followed if its certificate is trusted, and only then."""

from __future__ import annotations

import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from notifier.client import Follower, follow
from tests.client.fake import FakeServer, Peer, event, push
from tests.support import wait_until


class Tls:
    """A certificate for a name, and a client's context that trusts it."""

    def __init__(self, folder: Path, name: str) -> None:
        key, certificate = folder / "key.pem", folder / "cert.pem"
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ]
        command += ["-nodes", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
        command += ["-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, capture_output=True)
        self.context = ssl.create_default_context(cafile=str(certificate))
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(certificate, key)


def distrusts(follower: Follower, caplog: pytest.LogCaptureFixture) -> bool:
    wait_until(lambda: caplog.records, message="it says what is wrong")
    return "certificate verify failed" in caplog.text and follower.state == "offline"


def test_a_trusted_server_is_followed_over_tls(tmp_path: Path) -> None:
    def talk(peer: Peer) -> None:
        peer.sign_in()
        peer.emit("step", push(2, 2.0, previous=1.0))
        peer.wait()

    tls = Tls(tmp_path, "localhost")
    with FakeServer(tls.server) as fake:
        fake.answers, fake.talks = [(200, {}, [event(1, name="polled")])], [talk]
        with follow(fake.url, "token", ssl_context=tls.context) as follower:
            assert {next(follower).name for _ in range(2)} == {"polled", "step"}
        wait_until(lambda: not sockets(), message="no thread of a socket is left")


def sockets() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "notifier-socket"]


def test_a_certificate_of_nobody_is_not_trusted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        FakeServer(Tls(tmp_path, "localhost").server) as fake,
        follow(fake.url, "token") as follower,
    ):
        assert distrusts(follower, caplog)
        assert fake.asked == []


def test_a_certificate_of_another_host_is_not_trusted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tls = Tls(tmp_path, "elsewhere.example")
    with (
        FakeServer(tls.server) as fake,
        follow(fake.url, "token", ssl_context=tls.context) as follower,
    ):
        assert distrusts(follower, caplog)
        assert fake.asked == []
