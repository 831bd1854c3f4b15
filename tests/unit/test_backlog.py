"""The queue before Redis: what it drops is never missed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from notifier.broker.backlog import Backlog
from notifier.operations import Event
from tests.rule import Rule

NEVER = 1e9


def event(stamp: int, name: str = "x", previous: int | None = None, user: str = "alice") -> Event:
    return Event(user, name, stamp, stamp, stamp - 1 if previous is None else previous)


def taken(backlog: Backlog, most: int = 99) -> list[tuple[str, int, int]]:
    return [(w.event.name, w.event.stamp, w.event.previous) for w in backlog.take(most)]


def test_a_newer_value_replaces_an_older_one() -> None:
    backlog = Backlog(9)
    backlog.add(event(1), NEVER)
    backlog.add(event(2), NEVER)
    assert taken(backlog) == [("x", 2, 0)]


def test_the_event_that_followed_takes_over_the_gap() -> None:
    backlog = Backlog(9)
    for one in (event(1, "x"), event(2, "y"), event(3, "x")):
        backlog.add(one, NEVER)
    assert taken(backlog) == [("y", 2, 0), ("x", 3, 2)]


def test_a_gap_whose_follower_is_elsewhere_stays() -> None:
    backlog = Backlog(9)
    backlog.add(event(1, "x"), NEVER)
    backlog.add(event(3, "x"), NEVER)
    assert taken(backlog) == [("x", 3, 2)]


def test_users_do_not_replace_each_other() -> None:
    backlog = Backlog(9)
    backlog.add(event(1, user="alice"), NEVER)
    backlog.add(event(2, user="bob"), NEVER)
    assert len(backlog) == 2


def test_a_late_older_value_is_left_out() -> None:
    backlog = Backlog(9)
    backlog.add(event(2), NEVER)
    backlog.add(event(1), NEVER)
    assert taken(backlog) == [("x", 2, 0)]


def test_the_same_event_twice_is_one() -> None:
    backlog = Backlog(9)
    backlog.add(event(1), NEVER)
    backlog.add(event(1), NEVER)
    assert taken(backlog) == [("x", 1, 0)]


def test_what_is_put_back_comes_first_and_makes_way_for_newer() -> None:
    backlog = Backlog(9)
    for stamp, name in enumerate("abc", start=1):
        backlog.add(event(stamp, name), NEVER)
    batch = backlog.take(2)
    backlog.add(event(4, "a"), NEVER)
    backlog.put_back(batch)
    assert taken(backlog) == [("b", 2, 0), ("c", 3, 2), ("a", 4, 3)]


def test_a_full_backlog_gives_up_the_oldest() -> None:
    backlog = Backlog(2)
    dropped = [one for n, name in enumerate("abc", 1) for one in backlog.add(event(n, name), NEVER)]
    assert [one.name for one in dropped] == ["a"]
    assert taken(backlog) == [("b", 2, 1), ("c", 3, 2)]


def test_what_waited_too_long_is_given_up() -> None:
    backlog = Backlog(9)
    backlog.add(event(1, "a"), 10.0)
    backlog.add(event(2, "b"), 20.0)
    assert [one.name for one in backlog.expire(15.0)] == ["a"]
    assert len(backlog) == 1


steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from("xyz")),
        st.tuples(st.just("take"), st.integers(1, 3)),
        st.tuples(st.just("fail"), st.integers(1, 3)),
    ),
    max_size=40,
)


@given(steps, st.integers(1, 4))
def test_a_client_that_gets_all_that_is_taken_ends_right(
    plan: list[tuple[str, Any]], size: int
) -> None:
    """A gap is only ever left by what was given up; where nothing was, no poll is needed."""
    backlog, rule, stored = Backlog(size), Rule(), dict[str, int]()
    head, lost = 0, False

    def deliver(most: int) -> None:
        for waiting in backlog.take(most):
            rule.push(waiting.event.pushed())
            assert all(
                stamp / 1e6 > rule.cursor or rule.value(name) == stamp
                for name, stamp in stored.items()
            ), "the cursor passed an event that was not applied"

    for verb, argument in plan:
        if verb == "add":
            stored[argument] = head + 1
            lost |= bool(backlog.add(event(head + 1, argument, previous=head), NEVER))
            head += 1
        elif verb == "take":
            deliver(argument)
        else:
            lost |= bool(backlog.put_back(backlog.take(argument)))
    deliver(99)
    if not lost:
        assert (rule.cursor, rule.holes) == (head / 1e6, set())
