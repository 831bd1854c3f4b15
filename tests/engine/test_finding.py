"""The worker finds the notifier of whatever WSGI callable it serves, and survives its failure."""

from __future__ import annotations

import functools
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask_socketio import SocketIO
from werkzeug.middleware.proxy_fix import ProxyFix

from notifier.engine.appstop import find_notifier, stop_notifier
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
