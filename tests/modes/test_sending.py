"""Writing through a worker: who may, what is pushed and when, and counters that stay exact."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from notifier.models import UNREAD
from tests.modes.conftest import Follow
from tests.modes.hosts import Host, pushed
from tests.support import wait_until


def send(host: Host, alice: str, how: str) -> requests.Response:
    """Send a message to alice in one of the ways to say who one is."""
    message = {"to": alice, "body": "hi"}
    if how == "session":
        browser = host.browser("sender")
        return browser.post(f"{host.url}/api/v1/messages", json=message, timeout=20)
    return host.post(message, host.key() if how == "key" else host.bearer("sender"))


@pytest.mark.parametrize("how", ["session", "token", "key"])
def test_a_message_over_http_is_committed_and_pushed(
    host: Host, follow: Follow, alice: str, how: str
) -> None:
    listener = follow(host, alice)
    answer = send(host, alice, how)
    assert (answer.status_code, host.badge(alice)) == (201, 1)
    wait_until(lambda: pushed(listener, UNREAD) == [1])


@pytest.mark.parametrize("how", ["session", "token"])
def test_reading_changes_the_badge_in_every_tab(
    host: Host, follow: Follow, alice: str, how: str
) -> None:
    tabs = [follow(host, alice) for _ in range(2)]
    sent = send(host, alice, "token").json()["messages"][0]
    reader = host.browser(alice) if how == "session" else requests.Session()
    headers = host.bearer(alice) if how == "token" else {}
    address, read = f"{host.url}/api/v1/messages/read", {"up_to": sent["timestamp"]}
    answer = reader.post(address, json=read, headers=headers, timeout=20)
    assert answer.json()["unread"] == 0
    wait_until(lambda: [pushed(tab, UNREAD) for tab in tabs] == [[1, 0], [1, 0]])


def transact(host: Host, alice: str, name: str, query: str = "") -> int:
    """Run the host's own transaction in its worker."""
    url = f"{host.url}/transactions/{alice}/{name}{query}"
    return requests.post(url, timeout=20).status_code


def test_a_rolled_back_transaction_pushes_nothing(
    any_host: Host, follow: Follow, alice: str
) -> None:
    listener = follow(any_host, alice)
    assert transact(any_host, alice, "undone", "?fail") == 409
    assert transact(any_host, alice, "done") == 201
    wait_until(lambda: pushed(listener, "done"))
    assert {name for name, _ in listener.received} == {"head", "done"}
    assert any_host.poll(alice) == {"done": True}


@pytest.mark.parametrize("where", ["host", "pair"])
def test_concurrent_sends_keep_the_counters_exact(
    where: str, mode: str, request: pytest.FixtureRequest, alice: str, bob: str
) -> None:
    host: Host = request.getfixturevalue(where)
    body = {"to": [alice, bob], "body": "hi"}
    sender = host.bearer("sender")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: host.post(body, sender).status_code, range(40)))
    assert answers == [201] * 40
    assert (host.badge(alice), host.badge(bob)) == (40, 40)
    assert host.script.audit() == []


def test_one_send_reaches_many(host: Host, follow: Follow, alice: str, bob: str) -> None:
    users = [alice, bob, *(f"{alice}.{n}" for n in range(300))]
    listeners = [follow(host, user) for user in users[:3]]
    answer = host.post({"to": users, "body": "for all"}, host.key())
    assert len(answer.json()["messages"]) == len(users)
    wait_until(lambda: [pushed(one, UNREAD) for one in listeners] == [[1]] * 3)
    assert host.badge(users[-1]) == 1
