"""All faults by name, with what must be shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.report import Report
from tests.faults.scale import Scale
from tests.faults.scenarios import clients, clock, database, processes, redis
from tests.faults.services import Services

Run = Callable[[Services, Scale], Report]


@dataclass(frozen=True)
class Fault:
    """One row of the table; ``{…}`` in its texts are figures of the scale."""

    name: str
    fault: str
    condition: str
    run: Run


_NEVER_WAITS = "all right <= 3 s after return; sends p99 <= 250 ms; 0 errors"

FAULTS = [
    Fault("none", "none, for {outage:g} s", _NEVER_WAITS, redis.untouched),
    Fault("redis-killed", "Redis killed, back after {outage:g} s", _NEVER_WAITS, redis.killed),
    Fault(
        "redis-killed-long",
        "Redis killed, back after {long_outage:g} s",
        _NEVER_WAITS,
        redis.killed_for_long,
    ),
    Fault("redis-frozen", "Redis frozen {freeze:g} s (SIGSTOP)", _NEVER_WAITS, redis.frozen),
    Fault(
        "redis-black-hole",
        "network to Redis swallows everything for {outage:g} s",
        _NEVER_WAITS,
        redis.black_holed,
    ),
    Fault(
        "redis-half-open",
        "worker-Redis TCP half-open, downwards and both ways",
        "recovered <= 5 s; /readyz fails meanwhile",
        redis.half_open,
    ),
    Fault(
        "redis-half-open-up",
        "worker-Redis TCP half-open upwards, then users come",
        "pushes to them <= 5 s",
        redis.half_open_up,
    ),
    Fault(
        "redis-junk",
        "{junk} junk and forged publishes on the channels, then 50 sends",
        "50 of 50 pushed; 0 forged shown",
        redis.junk,
    ),
    Fault(
        "worker-crash",
        "worker SIGKILLed between commit and publish, {crashes} times",
        "all right <= 5 s, without the client's own polls",
        processes.worker_killed_before_publish,
    ),
    Fault(
        "producer-crash",
        "producer SIGKILLed between commit and publish, {crashes} times",
        "all right <= 5 s, without the client's own polls",
        processes.producer_killed_before_publish,
    ),
    Fault(
        "rolling-restarts",
        "{restarts} rolling restarts under load, 200 sockets",
        "0 lost, nothing goes backwards, all right <= 5 s",
        processes.rolling_restarts,
    ),
    Fault(
        "worker-killed",
        "one worker of two killed, {reconnecting} sockets on it reconnect",
        "all right <= 5 s, no 5xx",
        processes.worker_killed,
    ),
    Fault(
        "database-restarted",
        "PostgreSQL restarted under load",
        "503s only while down; 0 half-written; all right <= 5 s after",
        database.restarted,
    ),
    Fault(
        "database-crashed",
        "PostgreSQL crashes under load and recovers",
        "503s only while down; 0 half-written; all right <= 5 s after",
        database.crashed,
    ),
    Fault(
        "database-black-hole",
        "network to PostgreSQL swallows everything for {database_outage:g} s",
        "503 within 2 s; sockets stay; all right <= 5 s after",
        database.black_holed,
    ),
    Fault(
        "flaky-network",
        "client network dropped 2 s out of every 6 s, {drops} times, {droppers} clients",
        "100 % converge, 0 regressions",
        clients.flaky_network,
    ),
    Fault(
        "clock",
        "clock of one worker +1 h, then -1 h, {clock:g} s each",
        "0 lost, no disconnects",
        clock.stepped,
    ),
    Fault(
        "non-reader",
        "non-reading client, {flood} events",
        "<= 1 MB held, cut within the ping budget, others undisturbed",
        clients.non_reader,
    ),
]
