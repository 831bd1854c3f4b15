"""Two workers, a broker that loses things, clients, and whatever may happen to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle
from typing import Any

from notifier.models import UNREAD
from notifier.operations import Badge, Event
from notifier.stamps import from_seconds
from tests.proof.client import Request
from tests.proof.judge import Judged
from tests.proof.ledger import Truth
from tests.proof.site import Site
from tests.proof.worker import Announcement, Parts, Worker
from tests.proof.writing import Writing
from tests.rule import Json

# For one event after the other: what becomes of it on the way to each worker.
Fates = Sequence[tuple[str, ...]]

# More than any schedule needs to come to rest: beyond it the rule is in a loop.
ROUNDS = 50


class World(Writing):
    """Every method is one thing that may happen; `check` is what must hold after each."""

    def __init__(self, site: Site, parts: Parts) -> None:
        super().__init__(site, parts)
        self.clients: list[Judged] = []
        self.pages: dict[str, tuple[Badge, int]] = {}

    # -- from the backlog through the broker to the workers ------------------------------------

    def publish(self, worker: Worker, fates: Fates) -> None:
        """Publish what was taken, or else everything that waits."""
        if not worker.batch:
            worker.take(len(worker.backlog))
        self.send_batch(worker, fates)

    def send_batch(self, worker: Worker, fates: Fates) -> None:
        """What was taken is published; ``fates`` are what becomes of it on its way."""
        batch, worker.batch = worker.batch, []
        for waiting, fate in zip(batch, cycle(fates)):
            self._carry(waiting.event, fate)
        missed, worker.missed = sorted(worker.missed), set()
        for other in self.workers:
            if missed and not other.deaf:
                other.swept(missed)

    def fail_batch(self, worker: Worker, fates: Fates | None) -> None:
        """Publishing failed, or, with ``fates``, only seemed to."""
        for waiting, fate in zip(worker.batch, cycle(fates or [])):
            self._carry(waiting.event, fate)
        worker.fail()

    def _carry(self, event: Event, fates: Sequence[str]) -> None:
        for worker, fate in zip(self.workers, fates, strict=True):
            if not worker.hears(event.user) or fate == "lost":
                continue
            if fate in ("late", "twice"):
                worker.arriving.append(event)
            if fate in ("now", "twice"):
                worker.arrive(event)

    def arrive(self, worker: Worker, index: int, again: bool) -> None:
        event = worker.arriving[index % len(worker.arriving)]
        if not again:
            worker.arriving.remove(event)
        if worker.hears(event.user):
            worker.arrive(event)

    def sweep(self, worker: Worker, meanwhile: bool) -> None:
        """A sweep; ``meanwhile``, between its statement and its heads, something arrives."""

        def arrivals() -> None:
            while worker.arriving:
                self.arrive(worker, 0, again=False)

        worker.meanwhile = arrivals if meanwhile else lambda: None
        worker.swept()
        worker.meanwhile = lambda: None

    def crash(self, index: int) -> None:
        """A worker is killed, and another one takes its place."""
        gone = self.workers[index]
        for host in [host for host in self.hosts if host.worker is gone]:
            self.end_host(host, commits=False)
        if self.holder is not None and self.holder.worker is gone:
            self.end_holder(commits=False)
        for client in list(self.clients):
            if self.worker_of(client) is gone:
                client.sid, client.wire = None, []
        self.workers[index] = Worker(self.site, self.clock, self.parts)

    # -- clients ------------------------------------------------------------------------------

    def render(self, user: str) -> None:
        """A page is rendered; it may be opened much later."""
        badge = self.workers[0].store.badge(user)
        self.ledger.understand(user, UNREAD, badge.stamp)
        self.pages[user] = (badge, self.restores)

    def join(self, user: str, page: bool) -> Judged:
        """A client starts: with a page's badge and cursor, or with nothing."""
        if page and user not in self.pages:
            self.render(user)
        badge, restores = self.pages[user] if page else (Badge(0, 0), self.restores)
        rule = self.parts.rule(cursor=badge.since)
        if page:
            rule.values[UNREAD] = (badge.since, badge.count)
        client = Judged(user, rule, self.ledger, self.restores)
        client.trusted = restores == self.restores
        # Who starts with nothing asks for everything, as a page does by its head.
        if not page:
            client.want(full=True)
        self.clients.append(client)
        return client

    def leave(self, client: Judged) -> None:
        self.clients.remove(client)
        worker = self.worker_of(client)
        if worker is not None and client.sid is not None:
            worker.cut(client, client.sid)
            worker.notice(client.sid)

    def connect(self, client: Judged, worker: Worker) -> None:
        client.sid = worker.connect(client)

    def cut(self, client: Judged, noticed: bool) -> None:
        """The connection breaks with what is on it; the server may learn of it much later."""
        worker = self.worker_of(client)
        if worker is not None and client.sid is not None:
            worker.cut(client, client.sid)
            if noticed:
                worker.notice(client.sid)
        client.sid, client.wire = None, []

    def worker_of(self, client: Judged) -> Worker | None:
        connected = (w for w in self.workers if client in w.server.clients.values())
        return next(connected, None)

    def deliver(self, client: Judged) -> None:
        """The next packet of a socket; a socket keeps the order."""
        name, data = client.wire.pop(0)
        if name == "head":
            client.head(data["timestamp"])
        else:
            assert name == data["name"]
            client.push(data)

    def mark_read(self, client: Judged, worker: Worker, index: int, **how: bool) -> None:
        badge = self.store_commit(worker, [self.mark(client.user, False, index)], **how)
        client.reads.append({"unread": badge.count, "timestamp": badge.since})

    def step(self, client: Judged, request: Request) -> None:
        """A request comes further: first it is computed, then, maybe much later, answered."""
        if request.events is None:
            self.compute(request, client)
        else:
            client.answer(request)

    def compute(self, request: Request, client: Judged) -> None:
        """The server computes an answer, which is on its way then."""
        if request.events is not None:
            return
        events = self.workers[0].store.since(client.user, from_seconds(request.since))
        request.events = [event.polled() for event in events]
        request.restores = self.restores

    def restore(self, backup: tuple[Any, Truth]) -> None:
        super().restore(backup)
        for client in self.clients:
            client.trusted = False
            client.restores = self.restores

    def moves(self) -> list[Callable[[], object]]:
        """What clients, and the sockets that are being welcomed, may do next."""
        found: list[Callable[[], object]] = []
        for worker in self.workers:
            found += [partial(worker.announce, one) for one in worker.announcements]
        for client in self.clients:
            found += [partial(self.deliver, client)] if client.wire else []
            found += [partial(self.show_read, client, read) for read in client.reads]
            found += [client.grace_over] if client.in_grace else []
            found += [client.begin] if client.wanted is not None and not client.flight else []
            found += [partial(self.step, client, request) for request in client.requests]
        return found

    def show_read(self, client: Judged, read: Json) -> None:
        client.reads.remove(read)
        client.read(read)

    # -- what must hold -----------------------------------------------------------------------

    def check(self) -> None:
        if self.dirty:
            self.ledger.compare(self.rows, self.before)
            self.before, self.dirty = self.rows, False
        for client in self.clients:
            client.check(self.rows)

    def come_to_rest(self, losing: bool) -> None:
        """The faults end: what is on its way arrives or is lost, and one sweep goes round."""
        for worker in self.workers:
            self._drain(worker, losing)
        for worker in self.workers:
            worker.hear_again() if worker.deaf else worker.swept()
        self._settle()
        for client in [client for client in self.clients if client.sid is None]:
            client.want(full=False)
        self._settle()
        for client in [client for client in self.clients if not client.trusted]:
            client.want(full=True)
        self._settle()
        assert self.workers[0].store.audit() == []
        for client in self.clients:
            client.check_converged(self.rows)

    def _drain(self, worker: Worker, losing: bool) -> None:
        fates = [("lost" if losing else "now",) * len(self.workers)]
        self.send_batch(worker, fates)
        self.publish(worker, fates)
        while worker.arriving and not losing:
            self.arrive(worker, 0, again=False)
        worker.arriving.clear()
        waiting: list[Announcement] = list(worker.announcements)
        for announcement in waiting:
            while announcement in worker.announcements:
                worker.announce(announcement)

    def _settle(self) -> None:
        for _ in range(ROUNDS):
            if all(client.resting for client in self.clients):
                return
            for client in self.clients:
                self._move(client)
                self.check()
        raise AssertionError("a client never rests")

    def _move(self, client: Judged) -> None:
        while client.wire:
            self.deliver(client)
            client.check(self.rows)
        while client.reads:
            self.show_read(client, client.reads[0])
            client.check(self.rows)
        if client.in_grace:
            client.grace_over()
        client.begin()
        for request in list(client.requests):
            self.compute(request, client)
            client.answer(request)
