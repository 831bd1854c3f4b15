"""How long and how often: the issue's own figures, and short ones for every run of the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Scale:
    """Seconds and numbers of the scenarios.

    ``slack`` stretches every time limit, ``env`` is what the server's settings are, ``held`` the
    megabytes that a client which never reads may cost.
    """

    slack: float = 1.0
    env: Mapping[str, str] = field(default_factory=dict)
    users: int = 100
    rate: float = 50.0
    outage: float = 20.0
    long_outage: float = 100.0
    freeze: float = 30.0
    half_open: float = 15.0
    junk: int = 10_000
    crashes: int = 50
    restarts: int = 5
    reconnecting: int = 500
    database_outage: float = 5.0
    drops: int = 10
    droppers: int = 50
    clock: float = 20.0
    flood: int = 50_000
    held: float = 1.0

    @property
    def world(self) -> dict[str, Any]:
        """The size of a world of this scale."""
        return {"users": self.users, "rate": self.rate}


LONG = Scale()

QUICK = Scale(
    # Correctness is exact in both; only how fast is left to the long one, on a quiet machine. A
    # send that waited for Redis would still be found.
    slack=20.0,
    users=40,
    rate=20.0,
    env={"NOTIFIER_SWEEP_INTERVAL": "1"},
    outage=4.0,
    long_outage=8.0,
    freeze=4.0,
    half_open=6.0,
    junk=2_000,
    crashes=2,
    restarts=1,
    reconnecting=50,
    database_outage=4.0,
    drops=2,
    droppers=20,
    clock=5.0,
    flood=7_000,
    held=4.0,
)
