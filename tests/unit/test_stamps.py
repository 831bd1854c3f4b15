"""Stamps survive the way to the wire and back."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.errors import InvalidInput
from notifier.stamps import LATEST, from_seconds, parse_seconds, to_seconds

stamps = st.integers(min_value=0, max_value=LATEST)


@given(stamps)
def test_a_stamp_survives_the_wire(stamp: int) -> None:
    assert from_seconds(json.loads(json.dumps(to_seconds(stamp)))) == stamp


@given(stamps, stamps)
def test_the_order_of_stamps_survives_the_wire(one: int, other: int) -> None:
    assert (one < other) == (to_seconds(one) < to_seconds(other))


@given(st.integers(min_value=100, max_value=LATEST))
def test_a_plain_decimal_of_a_timestamp_is_read_exactly(stamp: int) -> None:
    assert parse_seconds([repr(to_seconds(stamp))], "since") == stamp


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert 0 <= (parse_seconds([text], "since") or 0) <= LATEST


def test_an_absent_parameter_is_none() -> None:
    assert parse_seconds([], "since") is None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 1e300, True, "1", None])
def test_what_is_no_timestamp_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        from_seconds(value)  # type: ignore[arg-type]
