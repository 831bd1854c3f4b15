"""Runs the blocks of a page one after the other: each goes on where the one before it ended."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flask
from click.testing import CliRunner
from flask.cli import FlaskGroup
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine

from notifier import Notifier
from notifier.checks import name as check_name
from notifier.models import UNREAD
from notifier.stamps import from_seconds
from tests.docs.blocks import Block
from tests.docs.commands import runnable
from tests.js.test_javascript import find_node
from tests.support import ROOT

_EVENT = {"name", "data", "timestamp", "previous"}
# A second each, mostly for imports that this process has done; what needs a shell goes to one.
_FLASK = re.compile(r"^flask ([^|<>&;$\n]+)([|>].*)?$|\$\(flask ([^|<>&;$)\n]+)\)", re.M)


class Story:
    """What the blocks of a page share: a folder, the environment, names, and the last output."""

    def __init__(self, folder: Path, site: str) -> None:
        self.folder = folder
        self.printed = ""
        self._urls = {
            r"postgres(ql)?(\+\w+)?://[^\s\"'`]*": os.environ["DATABASE_URL"],
            r"rediss?://[^\s\"'`]*": os.environ["REDIS_URL"],
            r"http://127\.0\.0\.1:5000|https://app\.example": site,
        }
        app = flask.Flask("page", root_path=str(folder))
        app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
        app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
        # CONTRIBUTING.md tells what a page may use without saying where it comes from.
        self.names: dict[str, Any] = {
            "__name__": "page",
            "app": app,
            "db": SQLAlchemy(app),
            "current_user": SimpleNamespace(is_authenticated=True, get_id=lambda: "alice"),
            "order": SimpleNamespace(id=1, user_id=7, ship=lambda: None),
            "everybody": ["alice", "bob"],
        }
        self._ends = [self.names]

    def tell(self, block: Block) -> None:
        """Run one block. Raises what it raises, with a note of its place."""
        try:
            text = block.text
            for pattern, real in self._urls.items():
                text = re.sub(pattern, lambda _, real=real: real, text)
            if block.title:
                path = self.folder / block.title
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            getattr(self, f"_{block.kind or 'block_of_no_kind'}")(block, text)
            if block.kind != "sh":
                self.printed = ""
        except BaseException as error:
            error.add_note(f"in the {block.kind} block of {block.place}")
            raise

    def _python(self, block: Block, text: str) -> None:
        """A block continues the ones above. A file begins anew; its app is the page's from now."""
        if "monkey_patch" in text:
            # It would patch this process, so it has to be a file.
            self._bash(f"python -c 'import {Path(block.title or '').stem}'")
            return
        names = {**self.names, "__name__": Path(block.title).stem} if block.title else self.names
        self._ends.append(names)
        code = compile("\n" * block.line + text, block.place, "exec")
        with self.names["app"].app_context():
            exec(code, names)  # noqa: S102 -- that is what this is for
        if isinstance(names["app"], flask.Flask):
            self.names = names

    def _sh(self, block: Block, text: str) -> None:
        self.printed = self._bash(_FLASK.sub(self._flask, runnable(text)))

    def _flask(self, found: re.Match[str]) -> str:
        """Run a flask command here and say what a shell has to do to print the same."""
        printed = shlex.quote(run_flask(self.folder, *shlex.split(found[1] or found[3])))
        return f"printf %s {printed} {found[2] or ''}" if found[1] else printed.replace("\n", "")

    def _bash(self, script: str) -> str:
        """What a script prints. Its variables are there in the next block too."""
        script = f"set -ea; touch .state; . ./.state\n{script}\nexport -p > .state"
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _text(self, block: Block, text: str) -> None:
        """What the block before it prints, but for numbers."""
        assert re.sub(r"\d+", "0", text.strip()) == re.sub(r"\d+", "0", self.printed.strip())

    def _json(self, block: Block, text: str) -> None:
        """An event as the contract has it, and what the block before it prints."""
        value = json.loads(text)
        for event in value if isinstance(value, list) else [value]:
            if {"data", "timestamp"} <= event.keys():
                assert {"name", "data", "timestamp"} <= event.keys() <= _EVENT
                assert event["name"] == UNREAD or check_name(event["name"])
                assert from_seconds(event["timestamp"], "timestamp")
        if self.printed:
            assert _shape(value) == _shape(json.loads(self.printed))

    def _cfg(self, block: Block, text: str) -> None:
        """A file that stands in docs/ or in the checkout, where tests run it."""
        places = [place / str(block.title) for place in (ROOT / "docs", ROOT)]
        assert block.text in [place.read_text() for place in places if place.is_file()]

    _ini = _nginx = _sql = _cfg

    def _jinja(self, block: Block, text: str) -> None:
        app = self.names["app"]
        if "notifier" not in app.extensions:
            self.names["notifier"] = Notifier(app, identify=lambda: "alice")
        with app.test_request_context():
            assert flask.render_template_string(text, **self.names)

    def _js(self, block: Block, text: str) -> None:
        (self.folder / "block.mjs").write_text(text)
        subprocess.run(
            [find_node() or "node", "--check", "block.mjs"], cwd=self.folder, check=True, timeout=60
        )

    def close(self) -> None:
        """End what the page began."""
        for value in [value for names in self._ends for value in names.values()]:
            end(value)
        forget_modules(self.folder)


def run_flask(folder: Path, *words: str) -> str:
    """What ``flask WORDS`` prints. Its app is imported anew: each page has its own environment."""
    result = CliRunner().invoke(FlaskGroup(), words)
    forget_modules(folder)
    assert result.exit_code == 0, f"flask {shlex.join(words)}\n{result.output}"
    return result.stdout


def forget_modules(folder: Path) -> None:
    """Let go of the apps that were imported from a page's folder, or as ``wsgi``."""
    for name, module in list(sys.modules.items()):
        if name == "wsgi" or (getattr(module, "__file__", None) or "").startswith(str(folder)):
            app = getattr(sys.modules.pop(name), "app", None)
            end(app.extensions.get("notifier") if app is not None else None)


def end(value: object) -> None:
    """Let go of what a notifier or an engine holds, if it is one."""
    if isinstance(value, Notifier):
        value.stop(1)
        value = value.engine
    if isinstance(value, Engine):
        value.dispose()


def _shape(value: object) -> object:
    """The members and types of a JSON value; a list has the shape of its first element."""
    if isinstance(value, dict):
        return {key: _shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_shape(one) for one in value[:1]]
    return float if isinstance(value, (int, float)) else type(value)
