"""The worker finds the notifier of whatever WSGI callable it serves, and survives its failure."""

from __future__ import annotations

import functools
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask_socketio import SocketIO
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from notifier.engine.appstop import Several, find_notifier, stop_notifier
from notifier.engine.middleware import ForwardedHeaders


@pytest.fixture
def app() -> Flask:
    app = Flask("found")
    app.extensions["notifier"] = "the notifier"
    return app


def test_of_a_flask_app(app: Flask) -> None:
    assert find_notifier(app) == "the notifier"


def test_inside_middleware(app: Flask) -> None:
    assert find_notifier(ProxyFix(ProxyFix(app))) == "the notifier"


def test_inside_middleware_around_the_bound_method(app: Flask) -> None:
    assert find_notifier(ProxyFix(app.wsgi_app)) == "the notifier"


def test_inside_the_middleware_of_flask_socketio(app: Flask) -> None:
    SocketIO(app, async_mode="threading")
    assert find_notifier(app.wsgi_app) == "the notifier"


def test_inside_a_decorated_function(app: Flask) -> None:
    @functools.wraps(app)
    def wrapped(*arguments: Any) -> Any:
        return app(*arguments)

    assert find_notifier(wrapped) == "the notifier"


def test_of_an_app_that_is_mounted(app: Flask) -> None:
    assert find_notifier(DispatcherMiddleware(Flask("root"), {"/shop": app})) == "the notifier"


def test_of_several_apps_that_are_mounted_side_by_side() -> None:
    calls: list[object] = []
    apps = {}
    for path in ("/a", "/b"):
        apps[path] = Flask("found")
        start = functools.partial(calls.append, f"start {path}")
        apps[path].extensions["notifier"] = SimpleNamespace(start=start, stop=calls.append)
    both = find_notifier(DispatcherMiddleware(ProxyFix(apps["/a"]), apps))
    both.start()
    both.stop(2.0)
    assert calls[:2] == ["start /a", "start /b"]
    assert [round(float(str(share)), 1) for share in calls[2:]] == [1.0, 2.0]


def test_an_app_without_one() -> None:
    assert find_notifier(Flask("plain")) is None


def test_a_callable_that_wraps_itself() -> None:
    ring = SimpleNamespace()
    ring.app = ring
    assert find_notifier(ring) is None


def test_our_own_filters_are_inside_the_app(app: Flask) -> None:
    app.wsgi_app = ForwardedHeaders(app.wsgi_app, 1)  # type: ignore[method-assign]
    assert find_notifier(app) == "the notifier"


def test_a_notifier_that_fails_to_stop_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail(timeout: float) -> None:
        raise RuntimeError("broker gone")

    stop_notifier(SimpleNamespace(stop=fail), 1.0, logging.getLogger("engine"))
    assert "failed to stop" in caplog.text
    assert "broker gone" in caplog.text


def test_one_of_several_that_fails_to_stop_does_not_keep_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stopped: list[float] = []
    notifiers = [SimpleNamespace(stop=lambda _timeout: 1 / 0), SimpleNamespace(stop=stopped.append)]
    stop_notifier(Several(notifiers), 1.0, logging.getLogger("engine"))
    assert len(stopped) == 1
    assert "ZeroDivisionError" in caplog.text
