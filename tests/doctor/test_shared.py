"""A host that shares its SocketIO: the doctor looks where that one answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from flask_socketio import SocketIO
from werkzeug.serving import make_server

from notifier import Notifier, create_engine
from notifier.doctor.checks import CHECKS
from notifier.doctor.report import Result, State
from notifier.doctor.running import examine
from notifier.doctor.site import Site
from tests.doctor.proxy import Proxy, without

ALL = ("server", "upgrade", "origin", "sign-in", "poll")
Serve = Callable[..., Site]


@pytest.fixture
def serve(sqlite_url: str) -> Iterator[Serve]:
    """A function that serves an app with a SocketIO of its own: `serve(path="/live")`."""
    ends: list[Callable[[], object]] = []

    def start(**options: Any) -> Site:
        app = flask.Flask("host")
        app.config.update(SECRET_KEY="a-key-of-some-length-for-tests", DATABASE_URL=sqlite_url)
        socketio = SocketIO(app, async_mode="threading", **options)
        notifier = Notifier(app, socketio=socketio, engine=create_engine(sqlite_url))
        notifier.create_tables()
        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ends.extend([lambda: notifier.stop(1), server.shutdown, notifier.engine.dispose])
        return Site(notifier, url=f"http://localhost:{server.port}", workers=1)

    yield start
    for end in ends:
        end()


def found(site: Site) -> dict[str, Result]:
    chosen = [check for check in CHECKS if check.name in ALL]
    results = {one.check: one.result for one in examine(site, chosen)}
    site.close()
    return results


def test_a_socketio_at_a_path_of_its_own_is_found_there(serve: Serve) -> None:
    results = found(serve(path="/live"))
    assert results.pop("origin").state is State.WARNING
    assert {name: one.state for name, one in results.items()} == dict.fromkeys(results, State.OK)


def test_a_host_that_lets_every_page_in_is_judged_by_our_namespace(serve: Serve) -> None:
    result = found(serve(cors_allowed_origins="*"))["origin"]
    # Nobody but a proxy can write the header into an upgrade; there is none.
    assert (result.state, "X-Forwarded" in result.found) == (State.WARNING, True)


def test_a_proxy_that_hides_the_origin_from_such_a_host_is_wrong(serve: Serve) -> None:
    site = serve(cors_allowed_origins="*")
    proxy = Proxy(int(str(site.url).rpartition(":")[2]), request=without("Origin"))
    site.url = proxy.url
    assert found(site)["origin"].state is State.WRONG
    proxy.close()


def test_a_heartbeat_of_the_hosts_that_is_too_slow(serve: Serve) -> None:
    result = found(serve(ping_interval=120))["server"]
    assert result.state is State.WARNING
    assert "every 120 s" in result.found
    assert "ping_interval of the app's SocketIO" in result.advice


def test_a_host_that_only_polls_has_no_upgrade_to_look_at(serve: Serve) -> None:
    results = found(serve(transports=["polling"]))
    states = {name: results[name].state for name in ("upgrade", "origin", "sign-in")}
    assert states == dict.fromkeys(states, State.SKIPPED)
    assert results["poll"].state is State.OK
