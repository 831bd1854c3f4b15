"""How long the machine runs: briefly and always alike in `make test`, long in `make prove`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

PROVING = bool(os.environ.get("NOTIFIER_PROVE"))

RUNS = int(os.environ.get("NOTIFIER_PROVE_RUNS", "5000")) if PROVING else 100

PROFILE = settings(
    max_examples=RUNS,
    stateful_step_count=40,
    deadline=None,
    derandomize=not PROVING,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)

# To find that a mutant falls is enough; the shortest way to its fall is not needed.
BUDGET = settings(
    PROFILE,
    max_examples=1_000,
    derandomize=True,
    print_blob=False,
    report_multiple_bugs=False,
    phases=[Phase.generate],
)
