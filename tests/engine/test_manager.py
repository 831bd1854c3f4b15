"""The indexed manager does what python-socketio's does, and leaves as little behind."""

from __future__ import annotations

from collections.abc import Iterator

import flask
import socketio
from hypothesis import given
from hypothesis import strategies as st

from notifier import Notifier
from notifier.engine.manager import IndexedManager

SIDS = st.integers(0, 4)
ROOMS = st.sampled_from(["red", "green", "blue"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("connect"), SIDS, ROOMS),
        st.tuples(st.just("enter"), SIDS, ROOMS),
        st.tuples(st.just("leave"), SIDS, ROOMS),
        st.tuples(st.just("close"), SIDS, ROOMS),
        st.tuples(st.just("disconnect"), SIDS, ROOMS),
    ),
    max_size=40,
)


class Ids:
    """Stands in for the Engine.IO server: socket ids in order."""

    def __init__(self) -> None:
        self._ids = iter(range(1_000))
        self.eio = self
        self.packet_class = socketio.packet.Packet

    def generate_id(self) -> str:
        return f"sid{next(self._ids)}"


class World:
    """A manager, and the sockets that are connected to it by their number."""

    def __init__(self, manager: socketio.Manager) -> None:
        self.manager = manager
        manager.set_server(Ids())
        self.sids: dict[int, str] = {}

    def do(self, step: tuple[str, int, str]) -> None:
        what, number, room = step
        sid = self.sids.get(number)
        if what == "connect" and sid is None:
            self.sids[number] = self.manager.connect(f"eio{number}", "/")
        elif what == "close":
            self.manager.basic_close_room(room, "/")
        elif what == "enter" and sid:
            self.manager.basic_enter_room(sid, "/", room)
        elif what == "leave" and sid:
            self.manager.basic_leave_room(sid, "/", room)
        elif what == "disconnect" and sid:
            self.manager.pre_disconnect(sid, "/")
            self.manager.disconnect(self.sids.pop(number), "/")

    def seen(self) -> Iterator[object]:
        manager = self.manager
        yield manager.pending_connect, manager.pending_disconnect, manager.callbacks
        for room in (None, "red", "green", "blue"):
            yield sorted(manager.get_participants("/", room))
        for sid in self.sids.values():
            yield manager.is_connected(sid, "/"), sorted(manager.get_rooms(sid, "/"))


@given(STEPS)
def test_it_behaves_like_the_manager_it_replaces(steps: list[tuple[str, int, str]]) -> None:
    stock, indexed = World(socketio.Manager()), World(IndexedManager())
    for step in steps:
        stock.do(step)
        indexed.do(step)
        assert list(indexed.seen()) == list(stock.seen())


def test_nothing_is_left_of_a_socket_that_is_gone() -> None:
    world = World(IndexedManager())
    for step in (("connect", 1, ""), ("enter", 1, "red"), ("disconnect", 1, "")):
        world.do(step)
    assert world.manager.rooms == {}
    assert world.manager._rooms_of == {}


def test_the_end_of_a_socket_visits_no_other_rooms_than_its_own() -> None:
    class Counted(dict[object, object]):
        walks = 0

        def copy(self) -> dict[object, object]:
            Counted.walks += 1
            return super().copy()

    world = World(IndexedManager())
    for number in range(10):
        world.do(("connect", number, ""))
    world.manager.rooms["/"] = Counted(world.manager.rooms["/"])
    world.do(("disconnect", 0, ""))
    assert Counted.walks == 0


def test_it_is_the_manager_of_an_app(sqlite_url: str) -> None:
    app = flask.Flask("host")
    app.config.update(SECRET_KEY="test", DATABASE_URL=sqlite_url)
    notifier = Notifier(app)
    assert isinstance(notifier.socketio.server.manager, IndexedManager)
    notifier.stop(1)
    notifier.engine.dispose()
