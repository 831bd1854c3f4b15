"""Runs the blocks of a page one after the other: each goes on where the one before it ended."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

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
from tests.docs.commands import steps
from tests.docs.lines import Lines
from tests.docs.pages import Window
from tests.docs.planned import plan
from tests.docs.servers import Servers, another_terminal, copy_checkout
from tests.docs.shell import bash
from tests.docs.shown import assert_shows
from tests.docs.virtualenv import install
from tests.services.process import Reaper
from tests.support import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_EVENT = {"name", "data", "timestamp", "previous"}
# A second each, mostly for imports that this process has done; what needs a shell goes to one.
_FLASK = re.compile(r"^flask ([^|<>&;$\n]+)([|>].*)?$|\$\(flask ([^|<>&;$)\n]+)\)", re.M)


@dataclass(frozen=True)
class Services:
    """What a story may ask for: started when it does."""

    reaper: Reaper
    wheel: Callable[[], Path]
    browser: Callable[[], Browser]


class Story:
    """What the blocks of a page share: a folder, the environment, names, and the last output."""

    def __init__(self, folder: Path, site: str, services: Services) -> None:
        self.folder = folder
        self.printed = ""
        self.services = services
        self.lines = Lines(folder / ".lines")
        self.files: dict[str, dict[str, Any]] = {}
        self._urls = {
            r"postgres(ql)?(\+\w+)?://[^\s\"'`]*": os.environ["DATABASE_URL"],
            r"rediss?://[^\s\"'`]*": os.environ["REDIS_URL"],
            r"http://127\.0\.0\.1:5000|https://app\.example": site,
        }
        app = flask.Flask("page", root_path=str(folder))
        app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
        app.config["SQLALCHEMY_DATABASE_URI"] = re.sub(
            "^postgresql:", "postgresql+psycopg2:", os.environ["DATABASE_URL"]
        )
        # CONTRIBUTING.md tells what a page may use without saying where it comes from.
        self.names: dict[str, Any] = {
            "__name__": "page",
            "app": app,
            "db": SQLAlchemy(app),
            "current_user": SimpleNamespace(is_authenticated=True, get_id=lambda: "alice"),
            "order": SimpleNamespace(id=1, user_id=7, ship=lambda: None),
            "everybody": ["alice", "bob"],
        }
        self.ends = [self.names]
        self.window: Window | None = None
        self._told: list[Block] = []

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
            self._told.append(block)
        except BaseException as error:
            error.add_note(f"in the {block.kind} block of {block.place}")
            raise

    def tell_again(self, words: str) -> None:
        """Run the block with these words once more, now that there is something for it to do."""
        (block,) = [block for block in self._told if words in block.text]
        self.tell(block)

    def _python(self, block: Block, text: str) -> None:
        """A block continues the ones above. A file begins anew; its app is the page's from now."""
        names = {**self.names, "__name__": Path(block.title).stem} if block.title else self.names
        self.ends.append(names)
        if block.title:
            code = compile(text, str(self.folder / block.title), "exec")
            self.files[block.title] = names
        else:
            code = compile("\n" * block.line + text, block.place, "exec")
        self.lines.expect(block, code, block.line if block.title else 0)
        with self.names["app"].app_context(), self.lines.watching():
            exec(code, names)  # noqa: S102 -- that is what this is for
        if isinstance(names["app"], flask.Flask):
            self.names = names

    def _sh(self, block: Block, text: str) -> None:
        """After `make run`, the rest of the block is typed in another terminal."""
        servers = Servers(self.services.reaper, self.folder / "servers.log")
        place, environment = self.folder, dict(os.environ)
        self.printed = ""
        try:
            for what, lines in steps(text):
                if what == "plan":
                    plan(lines, ROOT)
                elif what == "run" and lines.startswith("pip "):
                    folder = self.folder / f"env-{block.line}"
                    self.printed = install(lines, self.services.wheel(), folder)
                elif what == "run" and place != self.folder:
                    bash(lines, place, environment)
                elif what == "run":
                    self.printed = self._bash(_FLASK.sub(self._flask, lines))
                else:
                    if lines.startswith("make"):
                        place, environment = copy_checkout(self.folder), another_terminal()
                    servers.start(lines, place, environment)
            servers.stop()
        finally:
            servers.kill()

    def _flask(self, found: re.Match[str]) -> str:
        """Run a flask command here and say what a shell has to do to print the same."""
        printed = shlex.quote(run_flask(self.folder, *shlex.split(found[1] or found[3])))
        return f"printf %s {printed} {found[2] or ''}" if found[1] else printed.replace("\n", "")

    def _bash(self, script: str) -> str:
        """What a script prints. Its variables are there in the next block too."""
        whole = f"set -a; touch .state; . ./.state\n{script}\nexport -p > .state"
        return bash(whole, self.folder, dict(os.environ))

    def _text(self, block: Block, text: str) -> None:
        """What the block before it prints, but for numbers."""
        assert re.sub(r"\d+", "0", text.strip()) == re.sub(r"\d+", "0", self.printed.strip())

    def _json(self, block: Block, text: str) -> None:
        """An event as the contract has it, and what the block before it prints."""
        value = json.loads(text)
        for event in value if isinstance(value, list) else [value]:
            if "data" in event:
                assert _EVENT - {"previous"} <= event.keys() <= _EVENT
                assert event["name"] == UNREAD or check_name(event["name"])
                assert from_seconds(event["timestamp"], "timestamp")
        if self.printed:
            assert_shows(value, json.loads(self.printed))

    def _cfg(self, block: Block, text: str) -> None:
        """A file that stands in docs/ or in the checkout, where tests run it."""
        places = [place / str(block.title) for place in (ROOT / "docs", ROOT)]
        assert block.text in [place.read_text() for place in places if place.is_file()]
        tests = (path.read_text() for path in (ROOT / "tests" / "deploying").glob("*.py"))
        assert any(Path(str(block.title)).name in test for test in tests), "no test runs it"

    _ini = _nginx = _sql = _cfg

    def _jinja(self, block: Block, text: str) -> None:
        """Shown in Chromium by the app of the page, where a push changes it."""
        app = self.names["app"]
        if "notifier" not in app.extensions:
            self.names["notifier"] = Notifier(app, identify=lambda: "alice")
        self.close_window()
        self.window = Window(app, text, self.names, self.services.browser())
        self.window.assert_follows(app.extensions["notifier"], "alice")

    def _js(self, block: Block, text: str) -> None:
        """A module of that page, each part of which has to run."""
        assert self.window, "no page above it that could load it"
        self.window.assert_runs(text, self.names["app"].extensions["notifier"], "alice")

    def close_window(self) -> None:
        if self.window:
            self.window.close()
        self.window = None

    def close(self) -> None:
        """End what the page began."""
        self.close_window()
        for names in self.ends:
            for value in names.values():
                end(value)
            end_of_database(names["app"])
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
            if isinstance(app, flask.Flask):
                end(app.extensions.get("notifier"))
                end_of_database(app)


def end_of_database(app: flask.Flask) -> None:
    """Let go of what Flask-SQLAlchemy holds for an app."""
    if database := app.extensions.get("sqlalchemy"):
        with app.app_context():
            for engine in database.engines.values():
                engine.dispose()


def end(value: object) -> None:
    """Let go of what a notifier or an engine holds, if it is one."""
    if isinstance(value, Notifier):
        value.stop(1)
        value = value.engine
    if isinstance(value, Engine):
        value.dispose()
