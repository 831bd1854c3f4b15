"""What we publish as a secret is none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from notifier.doctor.report import State
from tests.doctor.conftest import Examine

ROOT = Path(__file__).parents[2]
SUFFIXES = {".py", ".md", ".env", ".yml", ".yaml", ".toml", ".diff", ".service", ".sh", ".html"}
NAME = r"(?:SECRET_KEY|NOTIFIER_BROKER_KEY|NOTIFIER_TOKEN_KEYS)"
# As a literal in Python, alone or as a default, and as a line of an environment file.
LITERAL = re.compile(
    NAME + r"""["'\]]*\s*[=:,]\s*(?:os\.\w+(?:\.get)?\(\s*["']\w+["'],\s*)?["']([^"'\n]+)"""
)
LINE = re.compile(rf"^(?:export |Environment=)?{NAME}=([^\"'$\n(].*)$", re.MULTILINE)


def published() -> set[str]:
    files = [ROOT / "README.md", *(ROOT / "examples").rglob("*"), *(ROOT / "docs").rglob("*")]
    texts = [one.read_text() for one in files if one.suffix in SUFFIXES and one.is_file()]
    return {key for text in texts for one in (LITERAL, LINE) for key in one.findall(text)}


def test_the_search_finds_what_is_known_to_be_there() -> None:
    assert {"for a look around only", "only-for-this-page", "change me"} <= published()
    assert any(key.startswith("the output of") for key in published())


@pytest.mark.parametrize("key", sorted(published()))
def test_a_secret_of_our_examples_and_pages_is_known_to_everybody(look: Examine, key: str) -> None:
    result = look("secret", SECRET_KEY=key)["secret"]
    assert (result.state, "everybody knows" in result.found) == (State.WRONG, True)
