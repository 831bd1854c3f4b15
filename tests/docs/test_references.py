"""The reference pages name what there is: each public name and route, once, as it is."""

from __future__ import annotations

import importlib
import inspect
import re
from collections import Counter
from typing import Any

import click
import flask
import pytest

import notifier
from notifier import Notifier
from notifier.app import create_app
from notifier.config import describe
from tests.docs.blocks import PAGES
from tests.support import ROOT

METHODS = sorted(name for name in dir(Notifier) if not name.startswith("_"))
_ROW = re.compile(r"^\| `(\w+)(\(.*?\))?` \|", re.MULTILINE)


def documented() -> list[tuple[str, str]]:
    return _ROW.findall((ROOT / "docs" / "api.md").read_text())


def test_the_python_api_is_documented_once_and_completely() -> None:
    # Notifier has two rows: what it is, and how to make one.
    rows = Counter(name for name, _ in documented()) - Counter(["Notifier"])
    attributes = set(Notifier.__annotations__)
    wanted = {*notifier.__all__, *METHODS}
    assert set(rows) - attributes == wanted
    assert [name for name, times in rows.items() if times > 1] == []


@pytest.mark.parametrize(("name", "signature"), [row for row in documented() if row[1]])
def test_a_documented_call_is_as_it_is(name: str, signature: str) -> None:
    found: Any = getattr(Notifier, name, None) or getattr(notifier, name)
    assert signature == bare(inspect.signature(found))


def bare(signature: inspect.Signature) -> str:
    """Without annotations and self."""
    parameters = [
        one.replace(annotation=inspect.Parameter.empty)
        for one in signature.parameters.values()
        if one.name != "self"
    ]
    return str(inspect.Signature(parameters))


@pytest.mark.parametrize("name", ["client", "testing", "migrations"])
def test_the_names_of_another_module_are_documented(name: str) -> None:
    module = importlib.import_module(f"notifier.{name}")
    (row,) = re.findall(
        rf"^\| `notifier.{name}` \| (.*):", (ROOT / "docs/api.md").read_text(), re.M
    )
    assert sorted(re.findall(r"`(\w+)`", row)) == sorted(module.__all__)


def test_the_api_fits_on_a_page() -> None:
    assert len((ROOT / "docs" / "api.md").read_text().splitlines()) <= 95


def test_every_route_is_documented() -> None:
    app = flask.Flask("app")
    app.config["SECRET_KEY"] = "x" * 32
    Notifier(app, identify=lambda: None)
    page = (ROOT / "docs" / "http-api.md").read_text()
    rules = {
        rule.rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("notifier.")
    }
    assert rules
    assert not [rule for rule in rules if "<" not in rule and rule not in page]


MENTIONED = {
    r"flask (?:--app \S+ )?notifier ([a-z][a-z-]*)": "commands",
    r"\b(NOTIFIER_[A-Z_]+)\b": "settings",
    r"`make ([a-z]+)": "targets",
}


@pytest.mark.parametrize("pattern", MENTIONED)
def test_what_is_mentioned_exists(pattern: str) -> None:
    app = create_app(config={"SECRET_KEY": "x" * 32, "DATABASE_URL": "sqlite://"})
    group = app.cli.commands["notifier"]
    assert isinstance(group, click.Group)
    known = {
        "commands": set(group.commands),
        "settings": {key for key, _, _ in describe()},
        "targets": set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)),
    }
    mentioned = {name for page in PAGES for name in re.findall(pattern, page.read_text())}
    assert mentioned
    assert mentioned <= known[MENTIONED[pattern]]
