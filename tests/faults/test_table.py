"""The table of faults at the scale of every test run; `python -m tests.faults` has the long one.

Waits are short and limits of time are generous here. What is exact is just as exact: nothing lost,
nothing backwards, nothing foreign, every badge right in the end.
"""

from __future__ import annotations

import pytest

from tests.faults.catalogue import FAULTS
from tests.faults.scale import QUICK
from tests.faults.services import Services


def show(services: Services, name: str) -> None:
    """Break the world in one way of the catalogue; every check of it must pass."""
    (fault,) = (one for one in FAULTS if one.name == name)
    failures = fault.run(services, QUICK).failures
    if failures:
        pytest.fail("\n".join(failures))


def test_a_killed_redis_delays_no_send_and_loses_no_badge(services: Services) -> None:
    show(services, "redis-killed")


def test_a_frozen_redis_delays_no_send_and_loses_no_badge(services: Services) -> None:
    show(services, "redis-frozen")


def test_a_half_open_connection_to_redis_is_found_and_replaced(services: Services) -> None:
    show(services, "redis-half-open")


def test_newcomers_are_pushed_to_although_subscribing_went_unheard(services: Services) -> None:
    show(services, "redis-half-open-up")


def test_junk_and_forgeries_on_the_channels_show_nothing_and_stop_nothing(
    services: Services,
) -> None:
    show(services, "redis-junk")


def test_what_a_dying_worker_committed_is_shown_without_it(services: Services) -> None:
    show(services, "worker-crash")


def test_what_a_dying_producer_committed_is_shown_without_it(services: Services) -> None:
    show(services, "producer-crash")


def test_a_rolling_restart_under_load_loses_nothing(services: Services) -> None:
    show(services, "rolling-restarts")


def test_the_clients_of_a_killed_worker_miss_nothing(services: Services) -> None:
    show(services, "worker-killed")


def test_a_restarted_postgresql_costs_nothing_but_503s_while_it_is_down(
    services: Services,
) -> None:
    show(services, "database-restarted")


def test_an_unreachable_postgresql_costs_nothing_but_quick_503s(services: Services) -> None:
    show(services, "database-black-hole")


def test_clients_on_a_flaky_network_all_converge(services: Services) -> None:
    show(services, "flaky-network")


def test_a_worker_whose_clock_jumps_an_hour_disturbs_nobody(services: Services) -> None:
    show(services, "clock")


def test_a_client_that_never_reads_is_cut_and_disturbs_nobody(services: Services) -> None:
    show(services, "non-reader")
