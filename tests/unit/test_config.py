"""Settings: where they come from, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from notifier.config import Settings, describe
from notifier.errors import ConfigurationError
from tests.support import ROOT


def load(environ: dict[str, str] | None = None, **given: Any) -> Settings:
    return Settings.load(given, environ or {})


def test_the_given_config_wins_over_the_environment() -> None:
    settings = load({"NOTIFIER_POLL_INTERVAL": "5"}, NOTIFIER_POLL_INTERVAL=7)
    assert settings.poll_interval == 7.0


def test_the_environment_wins_over_the_default() -> None:
    assert load({"NOTIFIER_POLL_INTERVAL": "5"}).poll_interval == 5.0


def test_lists_are_separated_by_commas() -> None:
    settings = load({"NOTIFIER_ALLOWED_ORIGINS": "https://a.example, https://b.example"})
    assert settings.allowed_origins == ("https://a.example", "https://b.example")


def test_other_keys_are_none_of_our_business() -> None:
    assert load({"PATH": "/bin"}, DEBUG=True) == Settings()


def test_an_empty_shared_key_means_unset() -> None:
    assert load({"DATABASE_URL": ""}).database_url == Settings().database_url


BAD = {
    "NOTIFIER_POLL_INTERVAL": ["0", "-1", "abc", "nan", "inf", ""],
    "NOTIFIER_MAX_BODY": ["0", "1.5", "x"],
    "NOTIFIER_NAMESPACE": ["chat", ""],
    "NOTIFIER_TRANSPORTS": ["carrier-pigeon", ""],
    "NOTIFIER_TRUSTED_PROXIES": ["-1", "11"],
    "NOTIFIER_ALLOWED_ORIGINS": ["example.org", "*"],
}


@pytest.mark.parametrize(("key", "value"), [(key, one) for key in BAD for one in BAD[key]])
def test_a_bad_value_is_refused_by_name(key: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=key):
        load({key: value})


def test_a_misspelt_key_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ConfigurationError, match="did you mean NOTIFIER_POLL_INTERVAL"):
        load(NOTIFIER_POLL_INTERVALL="5")


def test_a_strange_variable_of_the_environment_is_only_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert load({"NOTIFIER_SERVICE_HOST": "10.0.0.1"}) == Settings()
    assert "NOTIFIER_SERVICE_HOST" in caplog.text


def test_a_secret_key_may_be_any_bytes() -> None:
    assert load(SECRET_KEY=b"_5#y2L\xec]/").secret_key == "_5#y2L\xec]/"


def test_every_setting_is_documented_as_it_is() -> None:
    table = (ROOT / "docs" / "settings.md").read_text()
    documented = re.findall(r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \|$", table, re.MULTILINE)
    expected = [(key, f"`{default}`" if default else "", doc) for key, default, doc in describe()]
    assert documented == expected
