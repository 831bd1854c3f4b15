"""The machine bites: each naive part falls within a few hundred runs."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.exc import IntegrityError

from notifier import inbox
from tests.proof import mutants
from tests.proof.machine import Machine
from tests.proof.profile import BUDGET
from tests.proof.site import Site
from tests.proof.worker import Parts


def falls(site: Site, expected: str, parts: Parts | None = None) -> None:
    machine = type("Mutant", (Machine,), {"site": site, "parts": parts or Parts()})
    with pytest.raises((AssertionError, IntegrityError), match=expected):
        run_state_machine_as_test(machine, settings=settings(BUDGET))


def test_counting_first_and_writing_later_falls(sqlite_site: Site) -> None:
    falls(sqlite_site, "not the count", Parts(staging=mutants.CountThenWrite))


def test_stamps_of_the_wall_clock_fall(sqlite_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox._Inbox, "tick", mutants.wall_clock)
    falls(sqlite_site, "is not after")


def test_an_inbox_that_is_read_before_it_is_locked_falls(
    postgres_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "_lock", mutants.look_then_lock)
    falls(postgres_site, "does not follow|duplicate key")


def test_publishing_before_the_commit_falls(sqlite_site: Site) -> None:
    falls(sqlite_site, "published uncommitted", Parts(staging=mutants.PublishBeforeCommit))


def test_a_cursor_that_any_push_moves_falls(sqlite_site: Site) -> None:
    falls(sqlite_site, "was skipped", Parts(rule=mutants.AdvanceOnAnyPush))


def test_a_survivor_that_takes_the_oldest_previous_falls(sqlite_site: Site) -> None:
    falls(sqlite_site, "was skipped", Parts(backlog=mutants.SurvivorTakesOldest))


def test_a_new_tab_that_counts_for_the_whole_room_falls(sqlite_site: Site) -> None:
    falls(sqlite_site, "at rest|the cursor is not", Parts(presence=mutants.OneTabToldIsAllTold))
