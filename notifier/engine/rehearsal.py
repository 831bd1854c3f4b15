"""Imports an app as a server would, and tells when sockets were patched and by whom.

``python -m notifier.engine.rehearsal MODULE[:APP]`` prints one line of JSON. It runs in a process
of its own, since in the ``flask`` command Flask is loaded before anybody can patch.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from . import patching

__all__ = ["rehearse"]

# They copy sockets, or make locks, while they are imported.
_HOLDERS = (
    *("flask", "werkzeug", "sqlalchemy", "flask_socketio", "socketio", "engineio", "redis"),
    *("psycopg2", "psycopg", "requests", "urllib3", "httpx", "celery", "kombu", "botocore"),
)
_FACTORIES = ("create_app", "make_app")  # which Flask looks for where there is no app
_PATCHERS = {"eventlet": ("eventlet", "monkey_patch"), "gevent": ("gevent.monkey", "patch_all")}


def rehearse(target: str, config: str) -> dict[str, Any]:
    """Load gunicorn's configuration, then ``target``; what became of sockets and locks.

    That is a module, or ``module:name`` of an app or its factory, as in ``flask --app``.
    """
    story: dict[str, Any] = {"by": None, "late": [], "workers": None, "worker_class": ""}
    _watch(story)
    if os.path.isfile(config) or os.environ.get("GUNICORN_CMD_ARGS"):
        story.update(_gunicorn(config if os.path.isfile(config) else ""))
    if story["worker_class"].endswith("EventletWorker"):
        patching.patch()
    module, _, name = target.partition(":")
    _make_app(importlib.import_module(module), name)
    return story


def _make_app(module: ModuleType, name: str) -> None:
    """Call the factory, if the app comes from one: it may patch, too.

    Flask would find it, but Flask must not be loaded before.
    """
    if not name:
        if _has_app(module):
            return
        name = next((one for one in _FACTORIES if hasattr(module, one)), "")
    call = ast.parse(name.strip() or "None", mode="eval").body
    arguments = (call.args, call.keywords) if isinstance(call, ast.Call) else ([], [])
    found = getattr(module, name.partition("(")[0].strip(), None)
    if inspect.isfunction(found):
        found(
            *(ast.literal_eval(one) for one in arguments[0]),
            **{str(one.arg): ast.literal_eval(one.value) for one in arguments[1]},
        )


def _has_app(module: ModuleType) -> bool:
    flask = sys.modules.get("flask")
    return flask is not None and any(isinstance(one, flask.Flask) for one in vars(module).values())


def _watch(story: dict[str, Any]) -> None:
    """Note whoever patches from now on, and what was loaded by then."""

    def observed(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def patch(*args: Any, **options: Any) -> Any:
            if story["by"] is None:
                story["by"] = name
                story["late"] = [one for one in _HOLDERS if one in sys.modules]
            return call(*args, **options)

        return patch

    for name, (place, attribute) in _PATCHERS.items():
        with contextlib.suppress(ImportError):
            owner = importlib.import_module(place)
            setattr(owner, attribute, observed(name, getattr(owner, attribute)))
    # It does nothing where it comes too late, so the library would not notice.
    patching.patch = observed("eventlet", patching.patch)


def _gunicorn(config: str) -> dict[str, Any]:
    """What gunicorn's configuration says. It is read by gunicorn itself."""
    from gunicorn.app.wsgiapp import WSGIApplication

    before, sys.argv = sys.argv, ["gunicorn", "rehearsal:app"]
    if config:
        sys.argv += ["-c", config]
    try:
        settings = WSGIApplication().cfg
    finally:
        sys.argv = before
    return {"workers": settings.workers, "worker_class": settings.worker_class_str}


def main() -> None:
    """Tell the story on the standard output, whatever the app prints."""
    out, sys.stdout = sys.stdout, sys.stderr
    sys.path.insert(0, os.getcwd())
    try:
        story = rehearse(sys.argv[1], "gunicorn.conf.py")
    except BaseException as error:  # noqa: BLE001 -- an app may do anything; the doctor tells it
        story = {"error": f"{type(error).__name__}: {error}"}
    out.write(json.dumps(story) + "\n")
    out.flush()
    # An app's threads and exit handlers are no business of ours.
    os._exit(0)


if __name__ == "__main__":
    main()
