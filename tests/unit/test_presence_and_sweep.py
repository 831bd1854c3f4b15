"""Who was told what, and what the sweep makes of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from notifier.operations import Event
from notifier.web import delivery
from notifier.web.delivery import Delivery, Sweep
from notifier.web.presence import Presence
from tests.support import wait_until


class World:
    """A server that notes what it emits, and a database of heads."""

    def __init__(self) -> None:
        self.presence = Presence()
        self.emitted: list[tuple[str, str]] = []
        self.heads: dict[str, int] = {}
        self.delivery = Delivery(self, "/", self.presence)  # type: ignore[arg-type]
        self.delivery._emit = lambda name, data, to: self.emitted.append((name, to))  # type: ignore[method-assign]
        self.sweep = Sweep(self.presence, self.delivery, self.read, interval=60)

    def read(self, users: Sequence[str]) -> dict[str, int]:
        return {user: self.heads[user] for user in users if user in self.heads}

    def push(self, stamp: int, user: str = "alice") -> None:
        self.delivery.push([Event(user, "order", 1, stamp)])


@pytest.fixture
def world() -> World:
    world = World()
    world.presence.join("tab1", "alice", 9)
    world.delivery.head_to("tab1", 10)
    world.heads["alice"] = 10
    world.emitted.clear()
    return world


def test_a_head_that_was_told_is_not_told_again(world: World) -> None:
    assert world.sweep.once() == 0
    assert world.emitted == []


def test_a_head_that_nobody_announced_is(world: World) -> None:
    world.heads["alice"] = 11
    assert world.sweep.once() == 1
    assert world.emitted == [("head", "user:alice")]
    assert world.sweep.once() == 0


def test_a_push_counts_as_told(world: World) -> None:
    world.heads["alice"] = 11
    world.push(11)
    assert world.sweep.once() == 0


def test_an_older_push_does_not_lower_what_was_told(world: World) -> None:
    world.heads["alice"] = 12
    world.push(12)
    world.push(11)
    assert world.sweep.once() == 0


def test_what_one_of_two_tabs_was_told_does_not_count_for_the_other(world: World) -> None:
    world.heads["alice"] = 11  # its push was lost
    world.presence.join("tab2", "alice", 9)
    world.delivery.head_to("tab2", 11)
    assert world.sweep.once() == 1


def test_a_tab_that_was_told_nothing_makes_the_sweep_tell(world: World) -> None:
    world.presence.forget("alice")
    assert world.sweep.once() == 1


def test_a_tab_that_was_told_nothing_is_told_once_that_there_is_nothing(world: World) -> None:
    world.presence.join("tab2", "bob", 9)
    assert world.sweep.once(["bob"]) == 0
    world.sweep.once(["bob"])
    assert world.emitted == [("head", "user:bob")]


def test_users_elsewhere_are_neither_pushed_nor_swept(world: World) -> None:
    world.heads["bob"] = 5
    world.push(5, user="bob")
    assert world.sweep.once() == 0
    assert world.emitted == []


def test_after_the_last_tab_nobody_is_present() -> None:
    presence = Presence()
    presence.join("tab1", "alice", 9)
    presence.join("tab2", "alice", 9)
    assert presence.leave("tab1") is None
    assert presence.leave("tab2") == "alice"
    assert presence.users() == presence.sids() == []


def test_leaving_twice_is_harmless() -> None:
    assert Presence().leave("never came") is None


def test_a_user_holds_no_more_than_the_limit() -> None:
    presence = Presence()
    assert [presence.join(f"tab{n}", "alice", 2) for n in range(3)] == [True, True, False]
    presence.leave("tab0")
    assert presence.join("tab3", "alice", 2)


def test_workers_that_are_all_told_to_sweep_do_so_a_moment_apart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[float, float]] = []

    def draw(least: float, most: float) -> float:
        drawn.append((least, most))
        return most

    monkeypatch.setattr(delivery.random, "uniform", draw)
    world.heads["alice"] = 11
    world.sweep.start()
    world.sweep.request()
    wait_until(lambda: world.emitted)
    world.sweep.stop(5)
    assert (0, delivery._STAGGER_SECONDS) in drawn
