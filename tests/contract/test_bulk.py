"""A broadcast: any number of recipients, a part at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from notifier.bulk import PART, broadcast
from notifier.config import Settings
from notifier.errors import InvalidInput
from notifier.outages import OutcomeUnknown
from notifier.store import Store


def test_everyone_gets_the_message(store: Store, settings: Settings) -> None:
    users = [f"user{number}" for number in range(2 * PART + 7)]
    assert broadcast(store, settings, users, "hello") == len(users)
    assert {store.badge(user).count for user in users[:: PART // 2]} == {1}
    assert store.audit() == []


def test_recipients_are_asked_for_when_it_is_their_turn(store: Store, settings: Settings) -> None:
    asked = 0
    seen: list[tuple[int, int]] = []

    def users() -> Iterator[str]:
        nonlocal asked
        for number in range(PART + 3):
            asked += 1
            yield f"user{number}"

    broadcast(store, settings, users(), "hello", progress=lambda sent: seen.append((sent, asked)))
    assert seen == [(PART, PART), (PART + 3, PART + 3)]


def test_an_error_says_how_far_it_came_and_what_was_sent_stays(
    store: Store, settings: Settings
) -> None:
    users: list[object] = [f"user{number}" for number in range(PART)]
    with pytest.raises(InvalidInput) as caught:
        broadcast(store, settings, [*users, None], "hello")
    assert caught.value.__notes__ == [f"The first {PART} recipients were sent to before that."]
    assert store.badge(f"user{PART - 1}").count == 1


def test_a_commit_whose_answer_was_lost_leaves_a_part_uncertain(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_operations: object) -> None:
        raise OutcomeUnknown(None, None, Exception("gone"))

    monkeypatch.setattr(store, "commit", lost)
    with pytest.raises(OutcomeUnknown) as caught:
        broadcast(store, settings, ["alice", "bob"], "hello")
    assert caught.value.__notes__ == [
        "The first 0 recipients were sent to before that.",
        "The next 2 may have been as well: look before you send again.",
    ]


@pytest.mark.parametrize("to", ["alice", {"alice": 1}, 7])
def test_one_recipient_is_no_crowd(store: Store, settings: Settings, to: object) -> None:
    with pytest.raises(InvalidInput):
        broadcast(store, settings, to, "hello")  # type: ignore[arg-type]
