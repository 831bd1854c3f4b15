"""What may come in, and what the refusal says."""

from __future__ import annotations

import enum
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, literal, select

from notifier import checks
from notifier.errors import InvalidInput, UnknownUser


@pytest.mark.parametrize("value", ["alice", "x" * 64, "ü", "😀", "a b", 7, uuid.UUID(int=5)])
def test_anything_that_prints_in_64_characters_is_a_user_id(value: object) -> None:
    assert checks.user_id(value) == str(value)


class Colour(str, enum.Enum):  # noqa: UP042 -- hosts have them, and they print their names
    RED = "red"


class Printing:
    def __str__(self) -> str:
        return "printed"


@pytest.mark.parametrize(
    ("value", "text"), [(Colour.RED, "red"), (Printing(), "printed"), (Decimal(7), "7")]
)
def test_a_user_id_is_what_it_prints_and_of_text_the_text(value: object, text: str) -> None:
    assert checks.user_id(value) == text
    assert type(checks.user_id(value)) is str


BAD_USER_IDS: list[Any] = [None, True, 1.0, b"alice", "", "x" * 65, "a\x00", "\ud800", [], {}]
BAD_USER_IDS += [type, {}.keys(), pytest.param(object(), id="object")]


@pytest.mark.parametrize("value", BAD_USER_IDS, ids=repr)
def test_what_is_no_user_id_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"^to: "):
        checks.user_id(value)


def test_a_row_of_a_query_is_no_user_id() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        rows = connection.execute(select(literal(7))).all()
    engine.dispose()
    with pytest.raises(InvalidInput, match=r"^to: must be a user id"):
        checks.recipients(rows, 10)


def test_recipients_keep_their_order_and_lose_repeats() -> None:
    assert checks.recipients(["b", "a", "b", 1, "1"], 10) == ["b", "a", "1"]


def test_one_recipient_needs_no_list() -> None:
    assert checks.recipients("alice", 10) == ["alice"]
    assert checks.recipients(7, 10) == ["7"]


def test_recipients_may_come_from_a_generator() -> None:
    assert checks.recipients((str(n) for n in range(3)), 10) == ["0", "1", "2"]


def test_too_many_recipients_are_refused() -> None:
    with pytest.raises(InvalidInput, match="more than 2"):
        checks.recipients(["a", "b", "c"], 2)


@pytest.mark.parametrize("value", ["a", "order_status", "task_progress:17", "a.b-c", "x" * 64])
def test_names_that_can_be_used(value: str) -> None:
    assert checks.name(value) == value


BAD_NAMES = [
    *("", "A", "1a", "_a", "a b", "ä", "x" * 65, "a\n", None, 5),
    *("head", "connect", "connect_error", "disconnect", "disconnecting"),
    *("newListener", "removeListener", "message", "error", "unread_message_count"),
]


@pytest.mark.parametrize("value", BAD_NAMES, ids=repr)
def test_names_that_cannot_be_used(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"^name: "):
        checks.name(value)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_json_passes_unchanged(value: Any) -> None:
    assert repr(checks.data(value, 1_000_000)) == repr(value)


def nested(levels: int) -> Any:
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


BAD_DATA = [float("nan"), float("inf"), {1, 2}, object(), b"bytes", nested(65), nested(100_000)]


@pytest.mark.parametrize("value", BAD_DATA, ids=range(len(BAD_DATA)))
def test_what_is_no_finite_json_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match=r"^data: "):
        checks.data(value, 1_000_000)


def test_data_is_measured_in_bytes_of_json() -> None:
    assert checks.data("x" * 14, 16) == "x" * 14
    with pytest.raises(InvalidInput, match="larger than 16 bytes"):
        checks.data("x" * 15, 16)


def test_a_tuple_comes_back_as_the_list_it_will_be() -> None:
    assert checks.data((1, 2), 100) == [1, 2]


def test_who_is_not_known_is_named_with_the_field() -> None:
    with pytest.raises(UnknownUser, match=r"^user: no such user: 'x', 'y'$"):
        checks.known({"7"}.intersection, ["y", "7", "x"], "user")


def test_what_is_known_may_be_of_any_type() -> None:
    checks.known(lambda _ids: [7], ["7"])


def test_everybody_is_known_where_nobody_can_tell() -> None:
    checks.known(None, ["anyone"])
