"""``flask notifier key``, ``keys`` and ``revoke-key`` as a shell sees them."""

from __future__ import annotations

import pytest
from click.testing import Result

from notifier import Notifier
from tests.producers.conftest import Program


def run(notifier: Notifier, *arguments: str) -> Result:
    assert notifier.app is not None
    return notifier.app.test_cli_runner().invoke(args=["notifier", *arguments])


def test_key_prints_a_key_that_works_and_nothing_else(notifier: Notifier) -> None:
    answer = run(notifier, "key", "shop")
    [key] = answer.stdout.splitlines()
    assert Program(notifier, key).send().status_code == 201
    assert Program(notifier, key).notify().status_code == 201


def test_a_key_can_be_narrowed(notifier: Notifier) -> None:
    key = run(notifier, "key", "shop", "--scope", "messages").stdout.strip()
    assert Program(notifier, key).send().status_code == 201
    assert Program(notifier, key).notify().status_code == 403


@pytest.mark.parametrize("arguments", [("key", ""), ("key", "a", "--scope", "x"), ("key",)])
def test_a_refusal_is_short_and_makes_no_key(
    notifier: Notifier, arguments: tuple[str, ...]
) -> None:
    answer = run(notifier, *arguments)
    assert answer.exit_code in (1, 2)
    assert "nk_" not in answer.output
    assert len(run(notifier, "keys").stdout.splitlines()) == 1


def test_keys_lists_everything_but_the_secret(notifier: Notifier) -> None:
    key = run(notifier, "key", "the shop").stdout.strip()
    before = run(notifier, "keys").stdout
    Program(notifier, key).send()
    _, id, secret = key.split("_")
    head, row = run(notifier, "keys").stdout.splitlines()
    assert head.split() == ["id", "name", "scopes", "created", "last", "used", "revoked"]
    assert row.startswith(f"{id}  the shop  messages notifications  20")
    assert secret not in row
    assert len(row.split()) == len(before.splitlines()[1].split()) + 1


def test_a_revoked_key_is_good_no_more(notifier: Notifier) -> None:
    key = run(notifier, "key", "shop").stdout.strip()
    answer = run(notifier, "revoke-key", key.split("_")[1])
    assert "after 5 s" in answer.stdout
    assert Program(notifier, key).send().status_code == 401


def test_who_revokes_a_key_that_is_not_there_is_told(notifier: Notifier) -> None:
    answer = run(notifier, "revoke-key", "nonsense")
    assert (answer.exit_code, "there is no key" in answer.output) == (1, True)
