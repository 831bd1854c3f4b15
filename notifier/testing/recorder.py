"""What was notified, and assertions about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from ..operations import Event
from ..publisher import MemoryPublisher, Receiver
from .follower import Follower

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["ANYTHING", "Recorder", "recording"]

ANYTHING: Final[Any] = object()
"""Stands for whatever the data is."""

_NOT_YET = "Nothing was. send and notify take effect when their session commits: did it?"


@contextmanager
def recording(notifier: Notifier) -> Iterator[Recorder]:
    """Keep what ``notifier`` pushes until the end of the block; nothing of it goes to Redis.

    What a session commits inside a transaction of the test's own, which is rolled back in the
    end, counts as well: to the code under test it is committed. Sockets of this process are
    pushed to, as ever.
    """
    publisher, staging = notifier.publisher, notifier._staging
    here = publisher.publish if isinstance(publisher, MemoryPublisher) else _nowhere
    recorder = Recorder(notifier, here)
    with (
        patch.object(publisher, "publish", recorder.publish),
        patch.object(staging, "withheld", recorder.publish),
    ):
        yield recorder


def _nowhere(_events: Sequence[Event]) -> None:
    """Redis is no part of a test."""


class Recorder:
    """Every event that was notified since ``recording`` began, in ``events``."""

    def __init__(self, notifier: Notifier, deliver: Receiver) -> None:
        self.events: list[Event] = []
        self._notifier = notifier
        self._receivers: list[Callable[[Sequence[Event]], None]] = [deliver]

    def publish(self, events: Sequence[Event]) -> None:
        """Take over events, as a publisher does."""
        self.events.extend(events)
        for receive in self._receivers:
            receive(events)

    def clear(self) -> None:
        """Forget what there was."""
        self.events.clear()

    def of(self, user: object, name: str | None = None) -> list[Event]:
        """The events of a user, in their order; of one name only, if given."""
        return [
            event
            for event in self.events
            if event.user == str(user) and (name is None or event.name == name)
        ]

    def follow(self, user: object) -> Follower:
        """A client of ``user``, in this process."""
        follower = Follower(self._notifier, str(user), self.of)
        self._receivers.append(follower.receive)
        return follower

    def assert_notified(self, user: object, name: str, data: Any = ANYTHING) -> Event:
        """The newest event of that user, name and data. Raises AssertionError if there is none."""
        __tracebackhide__ = True
        found = [event for event in self.of(user, name) if _matches(event.data, data)]
        if not found:
            what = name if data is ANYTHING else f"{name} = {data!r}"
            raise AssertionError(f"{user} was not notified of {what}. {self._account()}")
        return found[-1]

    def assert_not_notified(self, user: object, name: str | None = None) -> None:
        """Raises AssertionError if the user was notified, of that name if given."""
        __tracebackhide__ = True
        if self.of(user, name):
            what = "something" if name is None else name
            raise AssertionError(f"{user} was notified of {what}. {self._account()}")

    def assert_nobody_notified(self) -> None:
        """Raises AssertionError if anybody was notified of anything."""
        __tracebackhide__ = True
        if self.events:
            raise AssertionError(f"Somebody was notified. {self._account()}")

    def _account(self) -> str:
        if not self.events:
            return _NOT_YET
        lines = [f"\n  {event.user}: {event.name} = {event.data!r}" for event in self.events]
        return "What there was:" + "".join(lines)


def _matches(data: Any, wanted: Any) -> bool:
    """Whether both are the same JSON, so that a tuple is found that became a list.

    What is no JSON is asked whether it is equal, as ``mock.ANY`` and ``pytest.approx`` expect.
    """
    if wanted is ANYTHING:
        return True
    try:
        return _canonical(data) == _canonical(wanted)
    except (TypeError, ValueError):
        return bool(data == wanted)


def _canonical(data: Any) -> str:
    """The one text of ``data`` as JSON: to Python ``True`` is 1, to JSON only ``1.0`` is."""
    return json.dumps(json.loads(json.dumps(data), parse_float=_number), sort_keys=True)


def _number(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() else number
