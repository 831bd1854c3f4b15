"""The rule and its driver, in every order that hypothesis thinks of.

The same two classes run in `tests/proof`, on the real core with real databases and sockets. Here
the server is a model of a few lines, so that thousands of schedules cost a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.client.catchup import CatchUp, Request
from tests.rule import Json, Rule

NAMES = ["x", "y"]


@dataclass
class World:
    """A user's rows, what is on its way to one client, and that client."""

    clock: float = 0.0
    rows: dict[str, Json] = field(default_factory=dict)
    wire: list[tuple[str, Json]] = field(default_factory=list)
    asked: list[tuple[Request, list[Json]]] = field(default_factory=list)
    backup: tuple[float, dict[str, Json]] = (0.0, {})
    restored: bool = False

    def __post_init__(self) -> None:
        self.rule = Rule()
        self.client = CatchUp(self.rule)
        self.client.want(full=True)

    # -- what happens -------------------------------------------------------------------------

    def commit(self, pick: int) -> None:
        """A value is committed, its push on its way."""
        name, previous = NAMES[pick % 2], self.clock
        # Stamps go on after a restore, as the time of day does.
        self.clock = self.stamp = getattr(self, "stamp", 0.0) + 1.0
        self.rows[name] = {"name": name, "data": f"{name}{self.clock}", "timestamp": self.clock}
        self.wire.append((name, {**self.rows[name], "previous": previous}))

    def lose(self, pick: int) -> None:
        if self.wire:
            self.wire.pop(pick % len(self.wire))

    def double(self, pick: int) -> None:
        if self.wire:
            self.wire.append(self.wire[pick % len(self.wire)])

    def tell_head(self, _pick: int) -> None:
        self.wire.append(("head", {"timestamp": self.clock}))

    def deliver(self, pick: int) -> None:
        """Whichever comes first."""
        if self.wire:
            name, payload = self.wire.pop(pick % len(self.wire))
            if name == "head":
                self.client.head(payload["timestamp"])
            else:
                self.client.push(payload)

    def grace_over(self, _pick: int) -> None:
        if self.client.in_grace:
            self.client.grace_over()

    def begin(self, _pick: int) -> None:
        """The request leaves, and is answered as of now; the answer is on its way."""
        request = self.client.begin()
        if request is not None:
            since = request.since if request.since <= self.clock else 0.0
            answer = [row for row in self.rows.values() if row["timestamp"] > since]
            answer.sort(key=lambda row: row["timestamp"])
            self.asked.append((request, answer))

    def answer(self, pick: int) -> None:
        if self.asked:
            self.client.answer(*self.asked.pop(pick % len(self.asked)))

    def fail(self, _pick: int) -> None:
        if self.client.flight is not None:
            self.client.failed(self.client.flight)

    def poll(self, pick: int) -> None:
        self.client.want(full=pick % 2 == 0)

    def back_up(self, _pick: int) -> None:
        self.backup = (self.clock, dict(self.rows))

    def restore(self, _pick: int) -> None:
        self.clock, self.rows = self.backup[0], dict(self.backup[1])
        self.restored = True

    # -- what must hold -----------------------------------------------------------------------

    def check(self) -> None:
        """Nothing at or below the cursor was skipped, and nothing older came after newer."""
        if self.restored:
            return
        for name, row in self.rows.items():
            if row["timestamp"] <= self.rule.cursor:
                assert self.rule.value(name) == row["data"]
        for name in NAMES:
            stamps = [stamp for shown, stamp, _ in self.rule.shown if shown == name]
            assert stamps == sorted(set(stamps))

    def rest(self) -> None:
        """The last fault is over: what is on its way arrives, and a full poll is due."""
        for _ in range(1_000):
            for step in (self.deliver, self.grace_over, self.begin, self.answer):
                step(0)
            if not (self.wire or self.asked) and self.is_idle():
                return
        raise AssertionError("it goes on asking for ever")

    def is_idle(self) -> bool:
        client = self.client
        return client.wanted is None and client.flight is None and not client.in_grace


GOOD = ["commit", "deliver", "grace_over", "begin", "answer"]
FAULTS = ["lose", "double", "tell_head", "fail", "poll"]
RESTORES = ["back_up", "restore"]


def schedules(names: list[str]) -> st.SearchStrategy[list[tuple[str, int]]]:
    return st.lists(st.tuples(st.sampled_from(names), st.integers(0, 5)), max_size=60)


def run(schedule: list[tuple[str, int]]) -> World:
    world = World()
    for name, pick in schedule:
        getattr(world, name)(pick)
        world.check()
    return world


def check_converged(world: World) -> None:
    world.client.want(full=True)
    world.rest()
    shown = {name: data for name, (_, data) in world.rule.values.items()}
    assert shown == {name: row["data"] for name, row in world.rows.items()}
    assert world.rule.cursor == world.clock


@settings(max_examples=300, deadline=None)
@given(schedules(GOOD + GOOD + FAULTS))
def test_no_schedule_skips_an_event_or_shows_an_older_value(
    schedule: list[tuple[str, int]],
) -> None:
    check_converged(run(schedule))


@settings(max_examples=300, deadline=None)
@given(schedules(GOOD + FAULTS + RESTORES + RESTORES))
def test_a_restored_database_is_shown_in_the_end(schedule: list[tuple[str, int]]) -> None:
    world = run(schedule)
    # What was pushed before the restore has arrived or is lost; then one more full poll.
    world.rest()
    check_converged(world)


def test_an_answer_to_an_abandoned_request_is_not_heard() -> None:
    world = World()
    world.begin(0)
    request, _ = world.asked[0]
    world.fail(0)
    world.client.answer(request, [{"name": "x", "data": 1, "timestamp": 1.0}])
    assert (world.rule.values, world.client.wanted) == ({}, True)


def test_the_answer_to_a_mark_read_is_shown_and_moves_no_cursor() -> None:
    world = World()
    world.client.read({"unread": 3, "timestamp": 5.0})
    assert (world.rule.value("unread_message_count"), world.rule.cursor) == (3, 0.0)
