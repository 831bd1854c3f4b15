"""User tokens: signed, expiring, revoked with their key."""

from __future__ import annotations

import pytest

from notifier.errors import ConfigurationError, TokenError, TokenExpired, TokenRevoked
from notifier.web.tokens import Tokens


def test_a_token_names_its_user() -> None:
    tokens = Tokens(["key"], 60)
    assert tokens.user(tokens.make("alice: ü")) == "alice: ü"


def test_a_token_lives_as_long_as_it_says() -> None:
    made = Tokens(["key"], 60, now=lambda: 1_000).make("alice")
    assert Tokens(["key"], 60, now=lambda: 1_060).user(made) == "alice"
    with pytest.raises(TokenExpired):
        Tokens(["key"], 60, now=lambda: 1_061).user(made)


def test_the_first_key_signs_and_the_others_still_count() -> None:
    old, both = Tokens(["old"], 60), Tokens(["new", "old"], 60)
    assert both.user(old.make("alice")) == "alice"
    with pytest.raises(TokenRevoked):
        old.user(both.make("alice"))


def test_a_token_that_was_read_before_expires_all_the_same() -> None:
    times = iter([100.0, 120.0, 161.0])
    tokens = Tokens(["key"], 60, now=lambda: next(times))
    made = tokens.make("alice")
    assert tokens.user(made) == "alice"
    with pytest.raises(TokenExpired):
        tokens.user(made)


def test_dropping_a_key_revokes_its_tokens() -> None:
    made = Tokens(["old"], 60).make("alice")
    with pytest.raises(TokenRevoked):
        Tokens(["new"], 60).user(made)


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "x", lambda t: t.upper()])
def test_a_changed_token_is_refused(change: object) -> None:
    tokens = Tokens(["key"], 60)
    with pytest.raises(TokenError):
        tokens.user(change(tokens.make("alice")))  # type: ignore[operator]


@pytest.mark.parametrize("junk", [None, 5, "", ".", "a.b", "x" * 10_000, ["a"], {}, "é.é"])
def test_junk_is_no_token(junk: object) -> None:
    with pytest.raises(TokenError):
        Tokens(["key"], 60).user(junk)


def test_without_a_key_nothing_can_be_signed() -> None:
    with pytest.raises(ConfigurationError, match="SECRET_KEY"):
        Tokens([], 60).make("alice")
