"""A SocketIO made once, and the apps that are made on it one after the other, as in test suites."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import flask
import pytest
from flask_socketio import SocketIO

from notifier import ConfigurationError, Notifier
from tests.extension.hosts import connected, host, wired
from tests.support import free_port

Create = Callable[[], Notifier]


@pytest.fixture
def socketio() -> SocketIO:
    """A host's SocketIO, at the level of its module."""
    return SocketIO(async_mode="threading")


@pytest.fixture(params=["socketio first", "notifier first"])
def create_app(request: pytest.FixtureRequest, socketio: SocketIO) -> Iterator[Create]:
    """An app factory, whose apps are all kept, as pytest keeps those of tests that failed."""
    kept: list[Notifier] = []

    def create_app() -> Notifier:
        app = host()
        if request.param == "socketio first":
            socketio.init_app(app)
        kept.append(wired(app, socketio=socketio))
        if request.param == "notifier first":
            socketio.init_app(app)
        return kept[-1]

    yield create_app
    for notifier in kept:
        notifier.stop(1)


def real_socket(app: flask.Flask) -> None:
    """A socket that somebody has over HTTP, unlike that of a test client of Flask-SocketIO."""
    browser = app.test_client()
    browser.get("/sign-in/alice")
    path = "/socket.io/?EIO=4&transport=polling"
    sid = flask.json.loads(browser.get(path).text[1:])["sid"]
    browser.post(f"{path}&sid={sid}", data="40/notifier,")


def pushed(notifier: Notifier, socketio: SocketIO) -> list[object]:
    """What a client of this app's is pushed of one notification."""
    client = connected(notifier.app, socketio)
    with notifier.transaction():
        notifier.notify("alice", "order", "shipped")
    events = client.get_received("/notifier")
    return [one["args"][0]["data"] for one in events if one["name"] == "order"]


def test_an_app_that_is_kept_leaves_the_socketio_to_the_next(
    create_app: Create, socketio: SocketIO
) -> None:
    for _ in range(3):
        assert pushed(create_app(), socketio) == ["shipped"]


def test_an_app_that_is_kept_answers_its_own_requests(create_app: Create) -> None:
    former, newest = create_app(), create_app()
    for notifier in (newest, former):
        assert notifier.app.test_client().get("/page").status_code == 200


def test_what_a_former_app_notifies_is_not_pushed_by_the_next(
    create_app: Create, socketio: SocketIO
) -> None:
    former = create_app()
    connected(former.app, socketio)
    client = connected(create_app().app, socketio)
    with former.transaction():
        former.notify("alice", "order", "shipped")
    assert [one for one in client.get_received("/notifier") if one["name"] == "order"] == []


def test_a_former_app_that_is_stopped_late_stops_nothing_of_the_next(
    create_app: Create, socketio: SocketIO
) -> None:
    former, newest = create_app(), create_app()
    real_socket(newest.app)
    former.stop(1)
    assert newest.serving.in_use()


def test_the_socketio_of_an_app_that_was_started_is_refused(create_app: Create) -> None:
    create_app().start()
    with pytest.raises(ConfigurationError, match=r"serves another app.*former_notifier\.stop"):
        create_app()


def test_the_socketio_of_an_app_with_sockets_is_refused(create_app: Create) -> None:
    former = create_app()
    real_socket(former.app)
    with pytest.raises(ConfigurationError, match="serves another app"):
        create_app()
    former.stop(1)
    create_app()


def test_a_server_that_starts_a_former_app_is_told(create_app: Create) -> None:
    former = create_app()
    create_app()
    with pytest.raises(ConfigurationError, match="make a SocketIO for each app"):
        former.start()


def test_a_former_app_can_still_be_asked_for_its_health(socketio: SocketIO) -> None:
    config = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    former, newest = (wired(host(**config), socketio=socketio) for _ in range(2))
    socketio.init_app(newest.app)
    assert former.serving.broker_state() == "unreachable"
    for notifier in (former, newest):
        notifier.stop(0)


def test_a_former_app_that_is_asked_says_so(
    create_app: Create, caplog: pytest.LogCaptureFixture
) -> None:
    former, _ = create_app(), create_app()
    former.app.test_client().get("/page")
    assert "make a SocketIO for each app" in caplog.text


def test_an_app_whose_clients_lose_it_to_the_next_says_so(
    create_app: Create, socketio: SocketIO, caplog: pytest.LogCaptureFixture
) -> None:
    connected(create_app().app, socketio)
    create_app()
    assert "A former app of the same SocketIO makes way" in caplog.text
