"""What cannot work is refused when it is registered, and the error says what to do."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from flask_socketio import SocketIO
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

from notifier import ConfigurationError, Notifier, StagingError, current_notifier
from tests.extension.hosts import host, new_sessions, wired

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a session that is one": ({"session": Session()}, "scoped_session"),
    "an id for identify": ({"identify": 7}, "a function that returns"),
    "a set of users": ({"known": {"alice"}}, "a function that returns"),
    "a URL for engine": ({"engine": "sqlite://"}, r"create_engine\(url\)"),
    "a Socket.IO of another kind": ({"socketio": object()}, r"flask_socketio\.SocketIO"),
}


@pytest.mark.parametrize(("given", "advice"), WRONG.values(), ids=WRONG)
def test_a_wrong_argument_is_refused(given: dict[str, Any], advice: str) -> None:
    with pytest.raises(ConfigurationError, match=advice):
        Notifier(**given)


def test_something_that_is_no_app_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="needs the Flask app"):
        Notifier(new_sessions())


def test_a_second_notifier_on_an_app_is_refused() -> None:
    app = host()
    wired(app)
    with pytest.raises(ConfigurationError, match="the app has a notifier already"):
        Notifier(app)


def test_a_second_app_for_a_notifier_is_refused() -> None:
    notifier = wired(host())
    with pytest.raises(ConfigurationError, match=r"a Notifier for each app.*current_notifier"):
        notifier.init_app(host())


def test_a_refused_app_can_be_mended_and_wired() -> None:
    app = host(NOTIFIER_POLL_INTERVAL="often")
    notifier = Notifier(session=new_sessions())
    with pytest.raises(ConfigurationError, match="NOTIFIER_POLL_INTERVAL"):
        notifier.init_app(app)
    app.config["NOTIFIER_POLL_INTERVAL"] = 5
    notifier.init_app(app)
    assert notifier.settings.poll_interval == 5


def test_an_app_that_has_served_is_refused() -> None:
    app = host()
    app.test_client().get("/sign-in/alice")
    with pytest.raises(ConfigurationError, match="served a request already"):
        Notifier(app)


@pytest.mark.parametrize("use", ["settings", "socketio", "store", "engine"])
def test_a_notifier_without_an_app_says_so(use: str) -> None:
    with pytest.raises(ConfigurationError, match="init_app"):
        getattr(Notifier(), use)


def test_a_notifier_without_an_app_cannot_send() -> None:
    with pytest.raises(ConfigurationError, match="init_app"):
        Notifier(session=new_sessions()).send("alice", "hi")


def test_a_misspelt_attribute_is_an_attribute_error() -> None:
    assert not hasattr(Notifier(), "setings")


def test_an_attribute_that_needs_an_app_is_not_there_without_one() -> None:
    assert not hasattr(Notifier(), "serving")
    assert hasattr(wired(host()), "serving")


def test_a_session_that_is_made_anew_at_every_call_is_refused() -> None:
    notifier = Notifier(host(), session=sessionmaker(create_engine("sqlite://")))
    with pytest.raises(StagingError, match="nobody would commit"):
        notifier.send("alice", "hi")


def test_a_session_of_another_kind_is_refused() -> None:
    notifier = Notifier(host(), session=lambda: object())  # type: ignore[arg-type,return-value]
    with pytest.raises(StagingError, match="returned a object"):
        notifier.send("alice", "hi")


def test_a_function_that_returns_the_registry_of_sessions_is_understood() -> None:
    sessions = new_sessions()
    notifier = wired(host(), session=lambda: sessions)
    notifier.send("alice", "hi")
    sessions.commit()
    assert notifier.unread_count("alice") == 1


def test_a_socketio_that_was_not_passed_is_refused() -> None:
    app = host()
    SocketIO(app, async_mode="threading")
    with pytest.raises(ConfigurationError, match=r"pass it: Notifier\(app, \.\.\., socketio="):
        Notifier(app)


def test_a_socketio_made_later_is_refused_at_the_first_request() -> None:
    app = host(TESTING=True)
    wired(app)
    SocketIO(app, async_mode="threading")
    with pytest.raises(ConfigurationError, match="pass it"):
        app.test_client().get("/page")


def test_a_command_of_the_same_name_is_refused() -> None:
    app = host()
    app.cli.command("notifier")(lambda: None)
    with pytest.raises(ConfigurationError, match="command named 'notifier'"):
        Notifier(app)


def test_the_current_notifier_is_that_of_the_app_whose_context_is_active() -> None:
    notifiers = [wired(host()), wired(host())]
    for notifier in notifiers:
        assert notifier.app is not None
        with notifier.app.app_context():
            assert current_notifier.settings is notifier.settings


def test_an_app_without_a_notifier_has_no_current_one() -> None:
    with flask.Flask("bare").app_context(), pytest.raises(ConfigurationError, match="init_app"):
        current_notifier.send("alice", "hi")
