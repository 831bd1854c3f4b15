"""No schedule of commits, losses, crashes, clock steps and restores leaves a badge wrong."""

from __future__ import annotations

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.proof.machine import Machine
from tests.proof.profile import PROFILE, PROVING
from tests.proof.site import Site


@pytest.mark.timeout(0 if PROVING else 180)
def test_no_schedule_leaves_a_badge_wrong(site: Site) -> None:
    machine = type("OnThisSite", (Machine,), {"site": site})
    run_state_machine_as_test(machine, settings=PROFILE)
