"""The deployed app as a fixture: real processes that can be stopped, hurt and started again."""

from __future__ import annotations

import signal

import psutil

from tests.conftest import Serve
from tests.support import wait_until


def test_it_serves_and_stops_in_order(serve: Serve) -> None:
    server = serve()
    assert server.answers("/healthz")
    assert server.stop() == 0
    assert not server.answers("/healthz")


def test_it_returns_on_its_port_after_a_stop(serve: Serve) -> None:
    server = serve()
    url = server.url
    server.kill()
    server.start()
    assert server.url == url
    assert server.answers("/healthz")


def test_a_killed_worker_is_replaced(serve: Serve, postgres_url: str) -> None:
    server = serve(env={"DATABASE_URL": postgres_url}, workers=2)
    before = server.worker_pids()
    assert len(before) == 2
    killed = server.kill_worker()
    wait_until(
        lambda: killed not in (now := server.worker_pids()) and len(now) == 2,
        message="two workers again, one of them new",
    )


def test_ctrl_c_ends_master_and_workers(serve: Serve) -> None:
    server = serve()
    pids = [server.pid, *server.worker_pids()]
    server.interrupt()
    wait_until(lambda: server.returncode is not None, message="the master ended")
    wait_until(lambda: not any(map(psutil.pid_exists, pids)), message="the workers ended")


def test_it_binds_this_machine_only(serve: Serve) -> None:
    server = serve()
    listening = [
        connection.laddr
        for connection in psutil.Process(server.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == [("127.0.0.1", server.port)]
    assert server.stop(signal.SIGTERM) == 0
