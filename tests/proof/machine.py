"""The rules by which Hypothesis drives a world, and what it checks after each of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import count
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.proof.judge import Judged
from tests.proof.site import Site
from tests.proof.transactions import Host
from tests.proof.worker import Parts, Worker
from tests.proof.world import Fates, World
from tests.proof.writing import MOST_OPEN, Plan

MOST_CLIENTS = 3
HOUR = 3_600_000_000

Burst = Sequence[tuple[int, Plan]]

HOST_STEPS = ["stage", "add", "flush", "savepoint", "release", "roll back"]
HOST_ENDS = ["commit", "commit", "crash", "roll back", "refuse"]
WORKER_STEPS = ["sweep", "sweep while something arrives", "hear", "deaf", "expire", "crash"]
CLIENT_STEPS = ["poll", "poll all", "reconnect", "half-open", "disconnect", "abandon", "leave"]
JOINS = ["nothing", "page", "new page"]

# More than one client of a user is where it gets interesting.
users = st.sampled_from(["alice", "alice", "alice", "bob"])
groups = st.sampled_from([("alice",), ("alice",), ("alice", "bob"), ("bob",)])
names = st.sampled_from(["order_status", "chat:1"])
which = st.integers(0, 2)
either = st.booleans()
seldom = st.sampled_from([False, False, False, True])
# What comes first is what shrinking tends to: nothing goes wrong.
fate = st.sampled_from(["now", "lost", "late", "twice"])
# For each event in turn: what becomes of it on its way to either worker.
fates = st.lists(st.tuples(fate, fate), min_size=1, max_size=3)

step = st.one_of(
    st.tuples(st.just("send"), groups),
    st.tuples(st.just("notify"), groups, names, st.integers(0, 2)),
    st.tuples(st.just("mark"), users, either, which),
)
plans = st.lists(step, min_size=1, max_size=2)
bursts = st.lists(st.tuples(which, plans), min_size=1, max_size=3)
moves = st.lists(st.integers(0, 11), min_size=1, max_size=6)


def some(found: str) -> Any:
    """A precondition: the world has one of these."""
    return precondition(lambda machine: getattr(machine.world, found))


class Machine(RuleBasedStateMachine):
    """One run: a world on an empty database. Subclasses say where, and of which parts."""

    site: ClassVar[Site]
    parts: ClassVar[Parts] = Parts()

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.site, self.parts)
        self.numbers = count(1)

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self.world.come_to_rest(losing=True)
        finally:
            self.world.roll_back_everything()

    def _worker(self, index: int) -> Worker:
        return self.world.workers[index % 2]

    def _host(self, index: int) -> Host:
        return self.world.hosts[index % len(self.world.hosts)]

    def _client(self, index: int) -> Judged:
        return self.world.clients[index % len(self.world.clients)]

    @initialize(joining=st.lists(st.tuples(users, either, which), min_size=1, max_size=2))
    def begin(self, joining: Sequence[tuple[str, bool, int]]) -> None:
        """Somebody is connected and up to date."""
        for user, page, worker in joining:
            self.world.connect(self.world.join(user, page), self._worker(worker))
        self.world.come_to_rest(losing=False)

    # -- commits ------------------------------------------------------------------------------

    @rule(burst=bursts, crash=seldom, holder=either)
    def commit(self, burst: Burst, crash: bool, holder: bool) -> None:
        """Some commits; at the end of the last one the worker may be killed."""
        for worker, plan in burst:
            how = {"crash": crash and plan is burst[-1][1], "holder_commits": holder}
            self.world.store_commit(self._worker(worker), self.world.operations(plan), **how)
            self.world.check()

    @rule(burst=bursts, fates=fates)
    def commit_and_push(self, burst: Burst, fates: Fates) -> None:
        self.commit(burst, crash=False, holder=True)
        for worker, _ in burst:
            self.world.publish(self._worker(worker), fates)

    @precondition(lambda self: self.world.holder is None)
    @rule(worker=which, plan=plans, others=either)
    def hold(self, worker: int, plan: Plan, others: bool) -> None:
        self.world.hold(self._worker(worker), self.world.operations(plan), others)

    @some("holder")
    @rule(commits=either, crash=seldom)
    def end_holder(self, commits: bool, crash: bool) -> None:
        self.world.end_holder(commits, crash)

    # -- a host's transactions ----------------------------------------------------------------

    @precondition(lambda self: len(self.world.hosts) < MOST_OPEN)
    @rule(worker=which, plan=plans)
    def open(self, worker: int, plan: Plan) -> None:
        self.world.open_host(self._worker(worker)).stage(self.world.operations(plan))

    @some("hosts")
    @rule(host=which, what=st.sampled_from(HOST_STEPS), plan=plans, others=either)
    def host_step(self, host: int, what: str, plan: Plan, others: bool) -> None:
        chosen = self._host(host)
        if what in ("flush", "savepoint"):
            self.world.may_lock(chosen, others)
        if what == "stage":
            chosen.stage(self.world.operations(plan))
        elif what in ("add", "flush"):
            chosen.order(next(self.numbers), flush=what == "flush")
        elif what == "savepoint":
            chosen.savepoint()
        elif len(chosen.levels) > 1:
            chosen.release() if what == "release" else chosen.roll_back_to_savepoint()

    @some("hosts")
    @rule(host=which, how=st.sampled_from(HOST_ENDS), holder=either)
    def end_host(self, host: int, how: str, holder: bool) -> None:
        chosen = self._host(host)
        if how == "refuse":
            self.world.refuse_host(chosen, holder_commits=holder)
        else:
            commits = how != "roll back"
            self.world.end_host(chosen, commits, crash=how == "crash", holder_commits=holder)

    # -- publishing ---------------------------------------------------------------------------

    @rule(worker=which, most=st.integers(1, 3), fates=st.none() | fates)
    def take(self, worker: int, most: int, fates: Fates | None) -> None:
        """A batch is taken; one that was taken before has failed, or, with fates, seems to."""
        self.world.fail_batch(self._worker(worker), fates)
        self._worker(worker).take(most)

    @rule(worker=which, fates=fates)
    def publish(self, worker: int, fates: Fates) -> None:
        self.world.publish(self._worker(worker), fates)

    @precondition(lambda self: any(w.arriving for w in self.world.workers))
    @rule(index=which, event=which, again=either)
    def arrive(self, index: int, event: int, again: bool) -> None:
        able = [w for w in self.world.workers if w.arriving]
        self.world.arrive(able[index % len(able)], event, again)

    @rule(worker=which, what=st.sampled_from(WORKER_STEPS))
    def worker_step(self, worker: int, what: str) -> None:
        chosen = self._worker(worker)
        if what.startswith("sweep"):
            self.world.sweep(chosen, meanwhile=what != "sweep")
        elif what == "hear":
            chosen.hear_again()
        elif what == "deaf":
            chosen.deaf = True
        elif what == "expire":
            chosen.expire()
        else:
            self.world.crash(worker % 2)

    # -- clients ------------------------------------------------------------------------------

    @rule(choices=moves)
    def move(self, choices: Sequence[int]) -> None:
        for choice in choices:
            possible = self.world.moves()
            if possible:
                possible[choice % len(possible)]()
                self.world.check()

    @rule(rounds=st.integers(1, 3))
    def all_move(self, rounds: int) -> None:
        """Everybody gets on with what there is to do."""
        for _ in range(rounds):
            for move in self.world.moves():
                move()
                self.world.check()

    @some("clients")
    @rule(index=which, what=st.sampled_from(CLIENT_STEPS), worker=which)
    def client_step(self, index: int, what: str, worker: int) -> None:
        client = self._client(index)
        if what.startswith("poll"):
            client.want(full=what != "poll")
            client.begin()
        elif what == "abandon":
            client.abandon()
        elif what == "leave":
            self.world.leave(client)
        else:
            self.world.cut(client, noticed=what != "half-open")
            if what != "disconnect":
                self.world.connect(client, self._worker(worker))

    @some("clients")
    @rule(index=which, worker=which, message=which, crash=seldom)
    def mark_read(self, index: int, worker: int, message: int, crash: bool) -> None:
        self.world.mark_read(self._client(index), self._worker(worker), message, crash=crash)

    @precondition(lambda self: len(self.world.clients) < MOST_CLIENTS)
    @rule(user=users, what=st.sampled_from(JOINS), worker=which | st.none())
    def join(self, user: str, what: str, worker: int | None) -> None:
        """With nothing, with a page that was rendered at some time, or with one of now."""
        if what == "new page":
            self.world.render(user)
        client = self.world.join(user, page=what != "nothing")
        if worker is not None:
            self.world.connect(client, self._worker(worker))

    # -- time and disaster --------------------------------------------------------------------

    @rule(by=st.sampled_from([1, 100, HOUR, -HOUR]))
    def clock_step(self, by: int) -> None:
        self.world.now += by

    @rule(index=which, restore=either)
    def back_up(self, index: int, restore: bool) -> None:
        backups = self.world.backups
        if restore and backups:
            self.world.restore(backups[index % len(backups)])
        else:
            self.world.back_up()

    @rule(losing=either)
    def come_to_rest(self, losing: bool) -> None:
        self.world.come_to_rest(losing)

    @invariant()
    def holds(self) -> None:
        self.world.check()
