"""How a page writes a moment."""

from __future__ import annotations

import pytest

from notifier.app.times import ago, exact, iso

NOON = 1_682_510_400.0  # 26 April 2023, 12:00 UTC
DAY = 86_400


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 min ago"),
        (3_599, "59 min ago"),
        (3_600, "1 h ago"),
        (DAY - 1, "23 h ago"),
        (DAY, "1 day ago"),
        (6.9 * DAY, "6 days ago"),
        (7 * DAY, "19 Apr"),
        (200 * DAY, "8 Oct 2022"),
    ],
)
def test_near_moments_are_relative_and_far_ones_are_dates(age: float, text: str) -> None:
    assert ago(NOON - age, NOON) == text


def test_the_exact_moment_is_in_utc() -> None:
    assert exact(NOON) == "26 April 2023, 12:00:00 UTC"
    assert iso(NOON) == "2023-04-26T12:00:00.000+00:00"
