"""Following a user: bursts, long polls, reconnections, and neighbours that do not read."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from notifier.client import Follower
from notifier.client import follow as follow_by_client
from notifier.models import UNREAD
from tests.modes.conftest import Follow
from tests.modes.hosts import Host, pushed
from tests.modes.longpoll import LongPoll
from tests.modes.writer import Writer
from tests.support import wait_until

EACH = 25  # messages of each writer


def test_long_polls_bring_pushes(host: Host, alice: str) -> None:
    client = LongPoll(host.url, host.script.token(alice))
    events = client.events()
    assert next(events)[0] == "head"
    host.notify(alice, "pushed", 1)
    assert next(event["data"] for name, event in events if name == "pushed") == 1
    client.close()


@pytest.mark.parametrize("where", ["host", "pair"])
def test_a_burst_of_several_processes_is_shown_in_order_and_to_the_end(
    where: str,
    mode: str,
    request: pytest.FixtureRequest,
    follow: Follow,
    writers: list[Writer],
    alice: str,
) -> None:
    host: Host = request.getfixturevalue(where)
    listener = follow(host, alice)
    for writer in writers:
        writer.begin(database=host.database, redis=host.redis_url, user=alice, count=EACH)
    for writer in writers:
        writer.finish()
    total = EACH * len(writers)
    wait_until(lambda: listener.count == total)
    counts = [data for name, _, data in listener.rule.shown if name == UNREAD]
    assert counts == sorted(set(counts))
    wait_until(lambda: listener.rule.value("burst") == host.poll(alice)["burst"])
    assert host.script.audit() == []


def test_both_workers_push_what_one_of_them_sends(pair: Host, follow: Follow, alice: str) -> None:
    listeners = [follow(pair, alice)]
    holding: dict[int, int] = {}

    def both_hold_some() -> bool:
        about = pair.about()
        holding[about["pid"]] = about["sessions"]
        if len(holding) == 2 and not all(holding.values()):
            listeners.append(follow(pair, alice))
            holding.clear()
        return len(holding) == 2 and all(holding.values())

    wait_until(both_hold_some, 30, "both workers hold sockets")
    pair.post({"to": alice, "body": "hi"}, pair.bearer("sender")).raise_for_status()
    wait_until(lambda: all(pushed(one, UNREAD) == [1] for one in listeners))


def test_who_comes_back_with_an_old_cursor_is_told_what_he_missed(
    any_host: Host, follow: Follow, alice: str
) -> None:
    any_host.notify(alice, "known", 1)
    listener = follow(any_host, alice)
    wait_until(lambda: listener.rule.value("known") == 1)
    listener.close()
    any_host.notify(alice, "missed", 2)
    assert any_host.poll(alice, listener.rule.cursor) == {"missed": 2}


@pytest.fixture
def follower(host: Host, alice: str) -> Iterator[Follower]:
    """The client as shipped, which reconnects by itself."""
    with follow_by_client(host.url, host.script.token(alice)) as follower:
        wait_until(lambda: follower.state == "live", 20, "it is live")
        yield follower


def test_the_client_comes_back_after_its_worker_died(
    host: Host, follower: Follower, alice: str
) -> None:
    os.kill(worker := host.about()["pid"], signal.SIGKILL)
    host.notify(alice, "missed", worker)
    event = follower.get(timeout=60)
    assert event is not None
    assert (event.name, event.data) == ("missed", worker)
    wait_until(lambda: follower.state == "live" and host.about()["pid"] != worker, 60)
    host.notify(alice, "pushed", 1)
    wait_until(lambda: (event := follower.get(timeout=1)) and event.name == "pushed", 60)
