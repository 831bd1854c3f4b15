"""API keys: what is stored, when one is good, and when it stops."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from notifier import Notifier
from notifier.apikeys import REMEMBERED_SECONDS, ApiKeys
from notifier.errors import InvalidInput, TokenError, TokenRevoked
from notifier.models import api_keys
from tests.producers.conftest import BOTH, statements

MINUTE = 60_000_000


class Clocks:
    """Wall clock and stopwatch, in the test's hand."""

    def __init__(self) -> None:
        self.stamp = 1_000 * MINUTE
        self.seconds = 0.0


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def keys(notifier: Notifier, clocks: Clocks) -> ApiKeys:
    return ApiKeys(lambda: notifier.engine, lambda: clocks.stamp, lambda: clocks.seconds)


@BOTH
def test_a_key_is_good_for_its_scopes(keys: ApiKeys) -> None:
    assert keys.verify(keys.make("mailer", ["messages"])).scopes == {"messages"}
    assert keys.verify(keys.make("shop")).scopes == {"messages", "notifications"}


def test_only_a_hash_of_the_secret_is_stored(notifier: Notifier, keys: ApiKeys) -> None:
    secret = keys.make("shop").rpartition("_")[2]
    with notifier.engine.connect() as connection:
        row = connection.execute(select(api_keys)).one()
    assert secret not in str(row)


def test_a_scanner_for_leaked_secrets_can_find_a_key(keys: ApiKeys) -> None:
    key = keys.make("shop")
    assert re.fullmatch(r"nk_[0-9a-f]{16}_[0-9a-f]{64}", key)
    assert key.split("_")[1] == keys.all()[0].id


def test_no_two_keys_are_alike(keys: ApiKeys) -> None:
    made = [keys.make("shop").split("_") for _ in range(3)]
    assert len({id for _, id, _ in made}) == len({secret for _, _, secret in made}) == 3


def test_a_key_needs_a_name(keys: ApiKeys) -> None:
    for name in ("", "  ", "x" * 65, "two\nlines", "nul\x00"):
        with pytest.raises(InvalidInput, match="name"):
            keys.make(name)


def test_a_key_has_scopes_that_there_are(keys: ApiKeys) -> None:
    for scopes in ([], ["everything"], ["messages", "root"]):
        with pytest.raises(InvalidInput, match="scope"):
            keys.make("shop", scopes)


@pytest.mark.parametrize("warm", [True, False])
def test_another_secret_is_refused(keys: ApiKeys, warm: bool) -> None:
    key, other = keys.make("shop"), keys.make("other")
    if warm:
        keys.verify(key)
    with pytest.raises(TokenError, match="not known"):
        keys.verify(key[:20] + other[20:])


def test_to_show_another_secret_is_no_use_of_the_key(keys: ApiKeys) -> None:
    key = keys.make("shop")
    with pytest.raises(TokenError):
        keys.verify(key[:-1] + ("0" if key[-1] != "0" else "1"))
    assert keys.all()[0].last_used is None


def test_what_is_no_key_of_ours_is_refused(keys: ApiKeys) -> None:
    for shown in ("nk_", "nk_0_0", f"nk_{'0' * 16}_{'0' * 64}", "x", "nk_é"):
        with pytest.raises(TokenError):
            keys.verify(shown)


def test_a_revoked_key_is_refused_at_once_where_it_was_revoked(keys: ApiKeys) -> None:
    key = keys.make("shop")
    keys.revoke(keys.verify(key).id)
    with pytest.raises(TokenRevoked):
        keys.verify(key)


@BOTH
def test_a_revoked_key_is_refused_elsewhere_after_some_seconds(
    notifier: Notifier, keys: ApiKeys, clocks: Clocks
) -> None:
    key = keys.make("shop")
    ApiKeys(lambda: notifier.engine).revoke(keys.verify(key).id)
    assert keys.verify(key)
    clocks.seconds += REMEMBERED_SECONDS + 0.001
    with pytest.raises(TokenRevoked):
        keys.verify(key)


def test_revoking_again_keeps_the_first_time(keys: ApiKeys, clocks: Clocks) -> None:
    id = keys.make("shop").split("_")[1]
    keys.revoke(id)
    first = clocks.stamp
    clocks.stamp += MINUTE
    keys.revoke(id)
    assert keys.all()[0].revoked == first


@BOTH
def test_nobody_revokes_a_key_that_is_not_there(keys: ApiKeys) -> None:
    with pytest.raises(InvalidInput, match="flask notifier keys"):
        keys.revoke("0" * 16)


def test_a_remembered_key_costs_no_statement(notifier: Notifier, keys: ApiKeys) -> None:
    key = keys.make("shop")
    keys.verify(key)
    seen = statements(notifier.engine)
    keys.verify(key)
    assert seen == []


@BOTH
def test_the_use_of_a_key_is_noted_once_a_minute(keys: ApiKeys, clocks: Clocks) -> None:
    key = keys.make("shop")
    noted = []
    for _ in range(4):
        keys.verify(key)
        noted.append(keys.all()[0].last_used)
        clocks.stamp += MINUTE // 2
        clocks.seconds += 30
    assert noted == [1_000 * MINUTE] * 2 + [1_001 * MINUTE] * 2


@BOTH
def test_a_use_that_cannot_be_noted_fails_nobody(
    notifier: Notifier, keys: ApiKeys, clocks: Clocks, caplog: pytest.LogCaptureFixture
) -> None:
    key = keys.make("shop")

    def refuse(*arguments: object) -> None:
        if str(arguments[2]).startswith("UPDATE notifier_api_keys"):
            raise OperationalError("", {}, Exception("locked"))

    event.listen(notifier.engine, "before_cursor_execute", refuse)
    for _ in range(2):
        assert keys.verify(key)
        clocks.seconds += REMEMBERED_SECONDS + 1
    assert caplog.text.count("could not be written down") == 1
    assert keys.all()[0].last_used is None
