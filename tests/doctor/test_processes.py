"""How the app is started: what is patched when, how many processes there are, and their keys."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from notifier.doctor.launch import launch_of
from notifier.doctor.processes import patching, workers
from notifier.doctor.report import Result, State
from notifier.doctor.site import Site
from tests.doctor.conftest import Examine, Host
from tests.services.server import SECRET_KEY, clean_environment
from tests.support import ROOT

Rehearse = Callable[..., Result]

EARLY = "from notifier.engine.patching import patch\npatch()\nimport flask\n"
SILENT = "import flask\nfrom notifier.engine.patching import patch\npatch()\n"
LATE = "import sqlalchemy\nimport eventlet\neventlet.monkey_patch()\n"
FACTORY = (
    "import flask\ndef {name}(where=''):\n    import eventlet; eventlet.monkey_patch()\n"
    "    assert where == {where!r}\n    return flask.Flask('made')\n"
)
GEVENT = "import sqlalchemy\nfrom gevent import monkey\nmonkey.patch_all()\n"
WORKER = "worker_class = 'notifier.engine.worker.EventletWorker'\nworkers = 3\n"


@pytest.fixture
def rehearsed(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rehearse:
    """A function that says what the check of a module finds: `rehearsed("import flask")`."""
    monkeypatch.chdir(tmp_path)

    def rehearse(module: str, config: str = "", name: str = "") -> Result:
        (tmp_path / "served.py").write_text(module)
        if config:
            (tmp_path / "gunicorn.conf.py").write_text(config)
        return patching(Site(host(), module=f"served{name}"))

    return rehearse


@pytest.mark.parametrize(
    ("module", "config", "state", "words"),
    [
        (EARLY, "", State.OK, "eventlet patches"),
        (SILENT, "", State.WRONG, "after flask"),
        (LATE, "", State.WRONG, "after sqlalchemy"),
        (GEVENT, "", State.WRONG, "gevent patches sockets and locks after sqlalchemy"),
        ("import flask", "", State.OK, "nothing is patched"),
        ("import flask", WORKER, State.OK, "eventlet patches"),
        (EARLY, "import flask\n" + WORKER, State.WRONG, "after flask"),
        ("raise SystemExit(3)", "", State.SKIPPED, "SystemExit: 3"),
    ],
    ids=[
        "early",
        "too late, unnoticed",
        "late",
        "gevent",
        "threads",
        "by the worker",
        "config",
        "exits",
    ],
)
def test_when_sockets_are_patched(
    rehearsed: Rehearse, module: str, config: str, state: State, words: str
) -> None:
    found = rehearsed(module, config)
    assert (found.state, words in found.found) == (state, True), found


@pytest.mark.parametrize(
    ("factory", "where", "name"),
    [
        ("create_app", "", ":create_app"),
        ("create_app", "", ":create_app()"),
        ("make", "here", ":make('here')"),
        ("make", "here", ":make(where='here')"),
        ("make_app", "", ""),
    ],
)
def test_a_factory_that_patches_is_too_late(
    rehearsed: Rehearse, factory: str, where: str, name: str
) -> None:
    found = rehearsed(FACTORY.format(name=factory, where=where), name=name)
    assert (found.state, "after flask" in found.found) == (State.WRONG, True), found


def test_a_factory_is_not_called_where_there_is_an_app(rehearsed: Rehearse) -> None:
    module = "import flask\napp = flask.Flask('made')\ndef create_app(): raise ValueError\n"
    for name in ("", ":app"):
        assert rehearsed(module, name=name).state is State.OK


@pytest.mark.parametrize(
    ("module", "line", "other"),
    [(LATE, "notifier.engine.patching", "gevent"), (GEVENT, "monkey.patch_all()", "engine")],
)
def test_the_advice_is_for_the_library_that_patches(
    rehearsed: Rehearse, module: str, line: str, other: str
) -> None:
    advice = rehearsed(module).advice
    assert line in advice
    assert other not in advice


def test_the_command_line_names_the_factory(tmp_path: Path) -> None:
    module = FACTORY.format(name="make", where="").replace(
        "return flask.Flask('made')",
        "from notifier import Notifier; app = flask.Flask('made'); Notifier(app); return app",
    )
    (tmp_path / "made.py").write_text(module)
    command = [sys.executable, "-m", "flask", "--app", "made:make", "notifier", "doctor"]
    env = clean_environment(PYTHONPATH=str(ROOT), SECRET_KEY=SECRET_KEY)
    done = subprocess.run(
        command, capture_output=True, text=True, env=env, cwd=tmp_path, timeout=60
    )
    assert "eventlet patches sockets and locks after flask" in done.stdout, done.stderr


def test_the_number_of_workers_is_gunicorns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "served.py").write_text("import os\nprint('noise')\n")
    (tmp_path / "gunicorn.conf.py").write_text("workers = 7\n")
    assert launch_of("served").workers == 7


def test_a_worker_class_that_serves_one_request_at_a_time(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "served.py").write_text("app = None\n")
    (tmp_path / "gunicorn.conf.py").write_text("workers = 1\n")
    found = workers(Site(host(), module="served"))
    assert (found.state, found.found) == (State.WARNING, "gunicorn's worker class is sync")


def test_an_app_in_a_folder_that_flask_was_told_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "elsewhere.py").write_text("app = None\n")
    assert launch_of("elsewhere").problem == ""


@pytest.mark.parametrize(
    ("count", "config", "state", "words"),
    [
        (1, {}, State.WARNING, "without a broker"),
        (1, {"REDIS_URL": "redis://127.0.0.1:1"}, State.OK, "with a broker"),
        (4, {"REDIS_URL": "redis://127.0.0.1:1"}, State.WRONG, "on SQLite"),
        (4, {"DATABASE_URL": "postgresql://127.0.0.1:1/x"}, State.WRONG, "without a broker"),
    ],
)
def test_what_several_workers_need(
    look: Examine, count: int, config: dict[str, str], state: State, words: str
) -> None:
    found = look("workers", workers=count, **config)["workers"]
    assert found.state is state
    assert words in found.found


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"SECRET_KEY": "dev"}, "everybody knows"),
        ({"SECRET_KEY": b'_5#y2L"F4Q8z\n\xec]/'}, "everybody knows"),
        ({"SECRET_KEY": "fifteen letters"}, "has 15 bytes"),
        ({"SECRET_KEY": "ab" * 20}, "repeats itself"),
        ({"SECRET_KEY": None}, "there is no SECRET_KEY"),
        ({"NOTIFIER_BROKER_KEY": "changeme"}, "NOTIFIER_BROKER_KEY"),
        ({"NOTIFIER_TOKEN_KEYS": "dev"}, "NOTIFIER_TOKEN_KEYS[0]"),
    ],
)
def test_keys_that_can_be_guessed(look: Examine, config: dict[str, str], words: str) -> None:
    found = look("secret", **config)["secret"]
    assert found.state is State.WRONG
    assert words in found.found


def test_a_key_is_never_shown(look: Examine) -> None:
    weak, good = "hunter2", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
    assert weak not in str(look("secret", SECRET_KEY=weak))
    found = look("secret", SECRET_KEY=good)["secret"]
    assert found.state is State.OK
    assert good not in str(found)
