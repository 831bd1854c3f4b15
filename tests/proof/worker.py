"""A worker: the real store, staging, backlog, presence, delivery and sweep, without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

import socketio

from notifier.broker.backlog import Backlog, Waiting
from notifier.operations import Event
from notifier.publisher import Publisher
from notifier.staging import Staging
from notifier.stamps import Clock
from notifier.store import Store
from notifier.web.delivery import Delivery, Sweep, room
from notifier.web.presence import Presence
from tests.proof.client import Client
from tests.proof.site import Site
from tests.rule import Rule

# So few that a run fills it.
BACKLOG = 3
NEVER = 1e9
MOST_SOCKETS = 9


@dataclass(frozen=True)
class Parts:
    """What a world is made of; a mutant has another one."""

    rule: type[Rule] = Rule
    backlog: type[Backlog] = Backlog
    presence: type[Presence] = Presence
    staging: type[Staging] = Staging


class Outlet:
    """The publisher port: notes what is published, and whether it is committed by then."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.published: list[Event] = []
        self.premature: list[Event] = []

    def publish(self, events: Sequence[Event]) -> None:
        for event in events:
            if self._site.stamp_of(event.user, event.name) < event.stamp:
                self.premature.append(event)
        self.published.extend(events)

    def flush(self, timeout: float) -> None: ...

    def close(self, timeout: float) -> None: ...


class FakeServer:
    """What a Socket.IO manager needs of a server: ids, packets, and a way to send them."""

    packet_class = socketio.packet.Packet
    logger = None

    def __init__(self) -> None:
        self._numbers = count(1)
        self.clients: dict[str, Client] = {}
        self.eio = self
        self.manager = socketio.Manager()
        self.manager.set_server(self)

    def generate_id(self) -> str:
        return f"socket{next(self._numbers)}"

    def _send_eio_packet(self, eio_sid: str, packet: socketio.packet.Packet) -> None:
        if eio_sid in self.clients:
            name, data = json.loads(packet.data[1:])
            self.clients[eio_sid].wire.append((name, data))


@dataclass(eq=False)
class Announcement:
    """The head that a new socket is to be told: read first, told later."""

    sid: str
    client: Client
    stamp: int | None = None


class Worker:
    """One process of the deployment. ``arriving`` is on its way to it from the broker."""

    def __init__(self, site: Site, clock: Clock, parts: Parts) -> None:
        self.outlet = Outlet(site)
        outlet: Publisher = self.outlet
        self.store = Store(site.engine, outlet, clock)
        self.staging = parts.staging(outlet, clock)
        self.backlog = parts.backlog(BACKLOG)
        self.batch: list[Waiting] = []
        self.missed: set[str] = set()
        self.arriving: list[Event] = []
        self.deaf = False
        self.announcements: list[Announcement] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.server = FakeServer()
        self.presence = parts.presence()
        self.delivery = Delivery(self.server, "/", self.presence)  # type: ignore[arg-type]
        self.sweep = Sweep(self.presence, self.delivery, self._heads, interval=60)

    # -- publishing ---------------------------------------------------------------------------

    def queue(self, events: Sequence[Event]) -> None:
        for event in events:
            self._drop(self.backlog.add(event, NEVER))

    def take(self, most: int) -> None:
        self.batch = self.backlog.take(most)

    def fail(self) -> None:
        """The broker did not answer: what was taken waits again."""
        self._drop(self.backlog.put_back(self.batch))
        self.batch = []

    def expire(self) -> None:
        self._drop(self.backlog.expire(NEVER + 1))

    def _drop(self, events: Sequence[Event]) -> None:
        self.missed.update(event.user for event in events)

    # -- receiving ----------------------------------------------------------------------------

    def hears(self, user: str) -> bool:
        return not self.deaf and self.presence.has(user)

    def arrive(self, event: Event) -> None:
        self.delivery.push([event])

    def hear_again(self) -> None:
        """Subscribed anew: what came meanwhile is gone, so everyone is swept."""
        self.deaf = False
        self.sweep.once()

    def swept(self, users: Sequence[str] | None = None) -> None:
        known = None if users is None else [user for user in users if self.presence.has(user)]
        self.sweep.once(known)

    def _heads(self, users: Sequence[str]) -> dict[str, int]:
        heads = self.store.heads(users)
        self.meanwhile()
        return heads

    # -- sockets ------------------------------------------------------------------------------

    def connect(self, client: Client) -> str:
        """As in notifier/web/sockets.py: the room, then presence, and the head in its own time."""
        connection = self.server.generate_id()
        sid = self.server.manager.connect(connection, "/")
        self.server.clients[connection] = client
        self.server.manager.enter_room(sid, "/", room(client.user))
        self.presence.join(sid, client.user, MOST_SOCKETS)
        self.announcements.append(Announcement(sid, client))
        return str(sid)

    def announce(self, announcement: Announcement) -> None:
        """First the head is read, later it is told; pushes may come in between."""
        user = announcement.client.user
        if announcement.stamp is None:
            announcement.stamp = self.store.heads([user]).get(user, 0)
            return
        self.announcements.remove(announcement)
        self.delivery.head_to(announcement.sid, announcement.stamp)

    def cut(self, client: Client, sid: str) -> None:
        """The connection is gone; the server does not know it yet."""
        for connection, who in list(self.server.clients.items()):
            if who is client:
                del self.server.clients[connection]
        self.announcements = [a for a in self.announcements if a.sid != sid]

    def notice(self, sid: str) -> None:
        """The server finds out that a connection is gone."""
        self.server.manager.disconnect(sid, "/")
        self.presence.leave(sid)
