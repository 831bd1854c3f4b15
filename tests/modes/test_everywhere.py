"""What holds in every mode, on our Socket.IO and the host's, and on two workers on PostgreSQL."""

from __future__ import annotations

import pytest
import requests

from notifier.models import UNREAD
from tests.listener import Listener, Refused
from tests.modes.conftest import Follow
from tests.modes.hosts import Host, pushed
from tests.support import wait_until


def test_the_server_runs_in_the_mode_it_was_started_in(any_host: Host) -> None:
    about = any_host.about()
    transport = "stock" if any_host.socketio == "host" else "lean"
    assert (about["mode"], about["transport"]) == (any_host.mode, transport)


def test_a_worker_is_subscribed_before_anybody_connects(any_host: Host) -> None:
    assert any_host.first["subscribed"]


def test_what_another_process_commits_is_pushed(any_host: Host, follow: Follow, alice: str) -> None:
    listener = follow(any_host, alice)
    any_host.notify(alice, "pushed", "from outside")
    wait_until(lambda: pushed(listener, "pushed") == ["from outside"])


def test_what_a_request_sends_is_pushed(any_host: Host, follow: Follow, alice: str) -> None:
    listener = follow(any_host, alice)
    any_host.post({"to": alice, "body": "hi"}, any_host.bearer("sender")).raise_for_status()
    wait_until(lambda: pushed(listener, UNREAD) == [1])


def test_a_poll_finds_what_was_committed(any_host: Host, alice: str) -> None:
    any_host.notify(alice, "polled", {"a": [1, None]})
    assert any_host.poll(alice) == {"polled": {"a": [1, None]}}


def test_every_tab_of_a_user_gets_an_event(any_host: Host, follow: Follow, alice: str) -> None:
    tabs = [follow(any_host, alice) for _ in range(2)]
    any_host.notify(alice, "for_all_tabs", 1)
    wait_until(lambda: [pushed(tab, "for_all_tabs") for tab in tabs] == [[1], [1]])


def test_nobody_else_gets_an_event(any_host: Host, follow: Follow, alice: str, bob: str) -> None:
    listener, other = follow(any_host, alice), follow(any_host, bob)
    any_host.notify(alice, "private", 1)
    wait_until(lambda: pushed(listener, "private"))
    any_host.notify(bob, "last", 1)
    wait_until(lambda: pushed(other, "last"))
    assert {name for name, _ in other.received} == {"head", "last"}


@pytest.mark.parametrize("token", [None, "not a token"])
def test_a_socket_of_nobody_is_refused(any_host: Host, token: str | None) -> None:
    with pytest.raises(Refused, match="unauthorized"):
        Listener(any_host.url, token)


def test_a_poll_of_nobody_is_refused(any_host: Host) -> None:
    assert requests.get(f"{any_host.url}/notifications", timeout=20).status_code == 401
