"""The verdicts on given figures."""

from __future__ import annotations

from benchmarks.figures import OURS, Result, Row
from benchmarks.goals import verdicts


def polls(ours: float, node: float) -> dict[str, Result]:
    rows = [Row(name, "nothing new", {"cpu_us": us}) for name, us in ((OURS, ours), ("node", node))]
    return {"polls": Result("polls", "polls", "poll", rows)}


def test_a_goal_that_is_reached_says_by_how_much() -> None:
    ((_, bound, measured, verdict),) = verdicts(polls(50, 100))
    assert (bound, measured, verdict) == ("≤ 1 x", "0.5 x", "reached, 2.00 times as good")


def test_a_goal_that_is_missed_says_by_how_much() -> None:
    ((_, _, measured, verdict),) = verdicts(polls(150, 100))
    assert (measured, verdict) == ("1.5 x", "NOT reached, by a factor of 1.50")


def test_a_least_goal_is_missed_from_below() -> None:
    row = Row(OURS, "HTTP", {"per_core": 12_500.0})
    found = verdicts({"bulk": Result("bulk", "bulk", "message", [row])})
    assert [verdict for *_, verdict in found] == ["NOT reached, by a factor of 2.00"]


def test_without_figures_there_is_no_verdict() -> None:
    assert verdicts({}) == []
