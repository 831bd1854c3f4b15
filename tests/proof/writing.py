"""Everything that changes the database, one commit at a time, with the ledger kept beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

from notifier import messages
from notifier.config import Settings
from notifier.models import UNREAD
from notifier.operations import Badge, Event, MarkRead, Operation
from tests.proof.ledger import Ledger, Truth
from tests.proof.site import Site
from tests.proof.transactions import Holder, Host
from tests.proof.worker import Parts, Worker

START = 1_700_000_000_000_000
MOST_OPEN = 3
PATIENCE = 10.0

Plan = Sequence[tuple[Any, ...]]


class Writing:
    """Two workers, the transactions that are open, and the database they meet in."""

    def __init__(self, site: Site, parts: Parts) -> None:
        self.site = site
        self.parts = parts
        self.now = START
        self.floor = 0
        self.ledger = Ledger()
        self.settings = Settings()
        self.workers = [Worker(site, self.clock, parts) for _ in range(2)]
        self.hosts: list[Host] = []
        self.holder: Holder | None = None
        self.backups: list[tuple[Any, Truth]] = []
        self.restores = 0
        self.numbers = count(1)
        self.site.empty()
        self.rows = site.rows()
        self.before = self.rows
        self.dirty = True

    def clock(self) -> int:
        """The wall clock. After a restore it is past every stamp that was ever given.

        A clock that is set back together with the database would give stamps a second time. No
        client can tell them apart then before its next full poll: `tests/js/model.js` says so.
        """
        return max(self.now, self.floor)

    # -- what to write ------------------------------------------------------------------------

    def operations(self, plan: Plan) -> list[Operation]:
        return [operation for step in plan for operation in self._planned(*step)]

    def _planned(self, verb: str, *rest: Any) -> Sequence[Operation]:
        if verb == "send":
            return messages.send(self.settings, list(rest[0]), f"message {next(self.numbers)}")
        if verb == "notify":
            return messages.notify(self.settings, list(rest[0]), *rest[1:])
        return [self.mark(*rest)]

    def mark(self, user: str, by_ids: bool, index: int) -> MarkRead:
        """Mark read from the ``index``-th newest message on, or that one and the next by id."""
        known = self.rows.messages_of(user)[index:]
        if not by_ids or not known:
            up_to = known[0].stamp if known else 0
            return messages.mark_read(user, up_to=up_to / 1e6)
        return messages.mark_read(user, ids=[message.id for message in known[:2]])

    # -- one commit ---------------------------------------------------------------------------

    def store_commit(self, worker: Worker, operations: Sequence[Operation], **how: bool) -> Badge:
        """Write in a transaction of the store's own; the first user's badge in it."""
        badges: dict[str, Badge] = {}

        def write() -> None:
            badges.update(worker.store.commit(operations).badges)

        self.write(worker, operations, write, **how)
        user = operations[0].user
        self.ledger.understand(user, UNREAD, badges[user].stamp)
        return badges[user]

    def write(
        self,
        worker: Worker,
        operations: Sequence[Operation],
        action: Callable[[], None],
        orders: Iterable[int] = (),
        crash: bool = False,
        refused: bool = False,
        holder_commits: bool = True,
        host: Host | None = None,
    ) -> None:
        """Run ``action``, which commits or is refused.

        A crash comes between the commit and the publication.
        """
        before = self.rows
        self._make_way(host, {op.user for op in operations}, action, holder_commits)
        assert not worker.outlet.premature, f"published uncommitted: {worker.outlet.premature}"
        events, worker.outlet.published = worker.outlet.published, []
        self._note(worker, events, crash)
        if not refused:
            self.ledger.expect(operations, orders, before)
        self._look()

    def _make_way(
        self, host: Host | None, users: set[str], action: Callable[[], None], holder_commits: bool
    ) -> None:
        """Whoever holds a lock that ``action`` needs ends; on PostgreSQL while it waits."""
        if not self.site.concurrent:
            self.free_lock(host, holder_commits)
            action()
        elif self.holder is not None and self.holder.users & users:
            self._overlap(action, holder_commits)
        else:
            action()

    def free_lock(self, host: Host | None, commits: bool) -> None:
        """End every other transaction that has written: SQLite has one writer at a time."""
        if self.holder is not None:
            self.end_holder(commits)
        for other in [other for other in self.hosts if other.writes and other is not host]:
            self.end_host(other, commits)

    def _overlap(self, action: Callable[[], None], holder_commits: bool) -> None:
        """Start ``action``, which waits for the holder's lock, and end the holder then."""
        failures: list[BaseException] = []

        def run() -> None:
            try:
                action()
            except Exception as error:  # noqa: BLE001 -- raised again by who started us
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        deadline = time.monotonic() + PATIENCE
        while thread.is_alive() and not self.site.waits():
            assert time.monotonic() < deadline, "the second writer neither waits nor ends"
            time.sleep(0.0005)
        self.end_holder(holder_commits, look=False)
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the second writer waits for ever"
        if failures:
            raise failures[0]

    def _note(self, worker: Worker, events: Sequence[Event], crash: bool) -> None:
        """Note what was committed; after a crash nobody else ever hears of it."""
        self.ledger.commit(events)
        if not crash:
            worker.queue(events)

    def _look(self) -> None:
        self.before, self.rows = self.rows, self.site.rows()
        self.dirty = True

    # -- transactions that stay open ----------------------------------------------------------

    def open_host(self, worker: Worker) -> Host:
        self.hosts.append(Host(self.site, worker))
        return self.hosts[-1]

    def may_lock(self, host: Host, commits: bool) -> None:
        """``host`` is about to write for the first time."""
        if not self.site.concurrent and not host.writes:
            self.free_lock(host, commits)

    def end_host(self, host: Host, commits: bool, **how: bool) -> None:
        self.hosts.remove(host)
        if commits:
            orders = host.orders
            self.write(host.worker, host.operations, host.commit, orders, host=host, **how)
        else:
            host.roll_back()

    def refuse_host(self, host: Host, **how: bool) -> None:
        """The commit fails after our hook has written, so nothing may be seen of it."""
        self.hosts.remove(host)
        how["refused"] = True
        self.write(host.worker, host.operations, host.commit_refused, host=host, **how)

    def hold(self, worker: Worker, operations: Sequence[Operation], commits: bool) -> None:
        if not self.site.concurrent:
            self.free_lock(None, commits)
        self.holder = Holder(self.site, worker, operations, self.clock())

    def end_holder(self, commits: bool, crash: bool = False, look: bool = True) -> None:
        assert self.holder is not None
        holder, self.holder = self.holder, None
        if not commits:
            holder.roll_back()
            return
        self._note(holder.worker, holder.commit(), crash)
        self.ledger.expect(holder.operations, (), self.rows)
        if look:
            self._look()

    def roll_back_everything(self) -> None:
        for host in list(self.hosts):
            self.end_host(host, commits=False)
        if self.holder is not None:
            self.end_holder(commits=False)

    # -- backups ------------------------------------------------------------------------------

    def back_up(self) -> None:
        self.backups.append((self.site.backup(), self.ledger.checkpoint()))

    def restore(self, backup: tuple[Any, Truth]) -> None:
        self.roll_back_everything()
        stored, truth = backup
        self.site.restore(stored)
        self.ledger.restore(truth)
        # Restoring takes time: the clock that nobody sets back has moved on meanwhile.
        self.floor = self.ledger.highest + 1
        self.restores += 1
        self.rows = self.site.rows()
        self.before = self.rows
        self.dirty = True
