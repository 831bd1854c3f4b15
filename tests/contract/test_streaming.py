"""In a stream of events the publisher reads answers now and then only, and loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from redis import ConnectionPool
from redis.connection import SSLConnection
from redis.exceptions import RedisError

from notifier.broker import stream as streaming
from notifier.broker.connection import Link, Pipe, Sender
from notifier.broker.endpoint import endpoint_of
from notifier.broker.publisher import RedisPublisher
from notifier.broker.wire import Wire
from notifier.operations import Event
from tests.services.valkey import Valkey
from tests.support import ROOT, wait_until

WIRE = Wire(f"stream-{os.getpid()}", "a key")
MOST = 5


@pytest.fixture(autouse=True)
def _long_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy the machine, the stream does not end by itself."""
    monkeypatch.setattr(streaming, "_STREAM_SECONDS", 60)
    monkeypatch.setattr(streaming, "_MOST_PENDING", MOST)


@pytest.fixture
def sender(fresh_valkey: Valkey) -> Iterator[Sender]:
    sender = endpoint_of(fresh_valkey.url, 0.5).sender()
    assert isinstance(sender, Pipe)
    yield sender
    sender.close()


@pytest.fixture
def publisher(fresh_valkey: Valkey) -> Iterator[RedisPublisher]:
    publisher = RedisPublisher(endpoint_of(fresh_valkey.url, 0.5).sender, WIRE, 1_000, 60)
    yield publisher
    publisher.close(5)


MESSAGES = [("channel", b"x"), ("channel", b"y")]


def test_what_was_written_is_pending_until_it_is_confirmed(sender: Sender) -> None:
    sender.write(MESSAGES)
    assert sender.pending == 2
    sender.confirm()
    assert sender.pending == 0


def test_to_send_confirms_what_was_written_before(sender: Sender) -> None:
    sender.write(MESSAGES)
    sender.send(MESSAGES)
    assert sender.pending == 0


def test_a_server_that_went_is_found_when_it_is_asked_to_confirm(
    fresh_valkey: Valkey, sender: Sender
) -> None:
    sender.send(MESSAGES)
    fresh_valkey.freeze()
    sender.write(MESSAGES)
    fresh_valkey.kill()
    with pytest.raises((RedisError, OSError)):
        sender.confirm()
    assert sender.pending == 0


def stream(publisher: RedisPublisher, first: int, count: int) -> None:
    """One event after the other, each taken by the publisher's thread before the next."""
    for stamp in range(first, first + count):
        publisher.publish([Event("alice", "order", stamp, stamp, stamp - 1)])
        wait_until(lambda: not publisher._backlog or publisher._failing_since is not None)


def test_a_stream_is_confirmed_as_often_as_it_must(publisher: RedisPublisher) -> None:
    stream(publisher, 1, 1 + 2 * MOST)
    assert publisher.published >= MOST
    assert 0 < len(publisher._stream.handed) <= MOST


def test_what_is_not_confirmed_counts_as_waiting(
    fresh_valkey: Valkey, publisher: RedisPublisher, caplog: pytest.LogCaptureFixture
) -> None:
    stream(publisher, 1, 1)
    fresh_valkey.freeze()
    stream(publisher, 2, 3)
    publisher.close(0.1)
    assert publisher.depth > 0
    assert "were not published before the end" in caplog.text
    fresh_valkey.thaw()


def test_when_an_event_left_is_told_as_it_was(publisher: RedisPublisher) -> None:
    told: list[int] = []
    publisher.observe = lambda _events, at: told.append(at)
    stream(publisher, 1, 2)
    handed = publisher._stream.handed[-1][0]
    publisher.flush(10)
    assert told[-1] == handed


def test_a_request_to_sweep_needs_no_event_to_travel_with(publisher: RedisPublisher) -> None:
    stream(publisher, 1, 1)
    with publisher._changed:
        publisher._drop([Event("bob", "order", 1, 9, 8)])
        publisher._changed.notify_all()
    wait_until(lambda: not publisher._missed)


def test_flushing_waits_for_the_confirmation(publisher: RedisPublisher) -> None:
    stream(publisher, 1, 3)
    publisher.flush(10)
    assert publisher.published == 3


def test_a_stream_that_pauses_is_confirmed(publisher: RedisPublisher) -> None:
    stream(publisher, 1, 3)
    wait_until(lambda: publisher.published == 3)


@pytest.mark.parametrize("fault", ["freeze", "kill"])
def test_what_was_handed_over_to_a_server_that_failed_is_published_later(
    fresh_valkey: Valkey, publisher: RedisPublisher, fault: str
) -> None:
    stream(publisher, 1, 3)
    fresh_valkey.freeze()
    stream(publisher, 4, 3)
    if fault == "kill":
        fresh_valkey.kill()
    wait_until(lambda: publisher._failing_since is not None)
    (fresh_valkey.start if fault == "kill" else fresh_valkey.thaw)()
    wait_until(lambda: publisher.published + publisher.coalesced == 6)
    assert publisher.published >= 1
    assert publisher.dropped == publisher.depth == 0


# The parent's other green threads stand still until the child has gone: it is the child's copy of
# the publisher that finds the answers first, if it looks for them.
FORKS = """
import eventlet
eventlet.monkey_patch()
import os, sys, time
from notifier.broker import publisher as publishing, stream as streaming
from notifier.broker.endpoint import endpoint_of
from notifier.broker.wire import Wire
from notifier.operations import Event
streaming._STREAM_SECONDS = 60
publishing._CONFIRM_SECONDS = 0.2
sender = endpoint_of(sys.argv[1], 5).sender
publisher = publishing.RedisPublisher(sender, Wire("fork", "key"), 99, 60)
run, ended = publisher._run, []
publisher._run = lambda: (run(), ended.append(os.getpid()))
for stamp in range(1, 6):
    publisher.publish([Event("alice", "order", stamp, stamp, stamp - 1)])
    while publisher._backlog:
        time.sleep(0)
pid = os.fork()
if pid == 0:
    give_up = time.monotonic() + 20
    while publisher.published == 1 and not ended and time.monotonic() < give_up:
        time.sleep(0.01)
    os._exit(publisher.published)
_, status = eventlet.patcher.original("os").waitpid(pid, 0)
publisher.flush(10)
print(os.waitstatus_to_exitcode(status), publisher.published)
os._exit(0)
"""


def test_a_fork_in_a_stream_leaves_the_answers_to_its_parent(fresh_valkey: Valkey) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKS, fresh_valkey.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT, check=True)
    # The first was confirmed at once, before the fork.
    assert done.stdout.split() == ["1", "5"], done.stderr


class Silent(SSLConnection):
    """A TLS connection on which nothing has come."""

    def __init__(self) -> None:
        pass

    def __del__(self) -> None:
        pass

    def connect(self) -> None:
        pass

    def can_read(self, timeout: float = 0) -> bool:
        return False

    def read_response(self, *_: object, **__: object) -> object:
        raise AssertionError("read, although there was nothing")


def test_over_tls_nothing_is_read_before_it_is_there() -> None:
    pool = ConnectionPool()
    pool.make_connection = Silent  # type: ignore[method-assign, assignment]
    assert Link(pool).read(0.1) is None
