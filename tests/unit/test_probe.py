"""When a connection to Redis counts as dead."""

from __future__ import annotations

from notifier.broker.probe import PROBE_SECONDS, SILENCE_SECONDS, Probe


class World:
    """A clock to turn, and the beats that were published."""

    def __init__(self) -> None:
        self.time = 0.0
        self.beats: list[bytes] = []
        self.probe = Probe("probe", lambda _channel, beat: self.beats.append(beat), self.now)
        self.probe.begin()

    def now(self) -> float:
        return self.time

    def pass_silence(self, *, heard: bool, answered: bool) -> None:
        """Let time pass until silence is long enough, with beats or answers coming back."""
        while self.time <= SILENCE_SECONDS:
            self.time += PROBE_SECONDS
            self.probe.tick()
            if heard:
                self.probe.hear(self.beats.pop())
            if answered:
                self.probe.answered()


def test_a_connection_that_hears_and_is_heard_lives() -> None:
    world = World()
    world.pass_silence(heard=True, answered=True)
    assert not world.probe.silent()


def test_a_connection_on_which_no_beat_comes_back_is_dead() -> None:
    world = World()
    world.pass_silence(heard=False, answered=True)
    assert world.probe.silent()


def test_a_connection_that_hears_but_is_not_heard_is_dead() -> None:
    world = World()
    world.pass_silence(heard=True, answered=False)
    assert world.probe.silent()


def test_a_new_connection_has_the_whole_time_again() -> None:
    world = World()
    world.pass_silence(heard=False, answered=False)
    world.probe.begin()
    assert not world.probe.silent()
