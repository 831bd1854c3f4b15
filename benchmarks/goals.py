"""What the figures should be, and what they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.figures import OURS, Result

NODE = "node"

Results = Mapping[str, Result]
Measure = Callable[[Results], float | None]


@dataclass(frozen=True)
class Goal:
    """A figure with a bound: at most ``bound``, or at least it if ``least``."""

    text: str
    unit: str
    bound: float
    measure: Measure
    least: bool = False

    def reached(self, value: float) -> bool:
        """Whether ``value`` is good enough."""
        return value >= self.bound if self.least else value <= self.bound

    def verdict(self, value: float) -> str:
        """Reached or not, and how far the value is on which side of the bound."""
        if not value:
            return "reached"
        factor = value / self.bound if self.least else self.bound / value
        if self.reached(value):
            return f"reached, {factor:.2f} times as good"
        return f"NOT reached, by a factor of {1 / factor:.2f}"


def _figure(workload: str, case: str, name: str, peer: str = OURS) -> Measure:
    def measure(results: Results) -> float | None:
        return results[workload].figure(peer, case, name) if workload in results else None

    return measure


def _over(one: Measure, other: Measure) -> Measure:
    def measure(results: Results) -> float | None:
        above, below = one(results), other(results)
        return above / below if above is not None and below else None

    return measure


def _vs_node(workload: str, case: str, name: str = "cpu_us") -> Measure:
    return _over(_figure(workload, case, name), _figure(workload, case, name, NODE))


def _bulk_vs_single(results: Results) -> float | None:
    """Our bulk message over a message that Node's service sends one by one."""
    single = _figure("durable", "c=32", "cpu_us", NODE)
    return _over(_figure("bulk", "HTTP", "cpu_us"), single)(results)


GOALS = (
    Goal("durable send c=32, CPU vs Node", "x", 0.8, _vs_node("durable", "c=32")),
    Goal("durable send c=256, CPU vs Node", "x", 0.8, _vs_node("durable", "c=256")),
    Goal(
        "bulk over HTTP, messages per core", "/s", 25_000, _figure("bulk", "HTTP", "per_core"), True
    ),
    Goal(
        "bulk through Python, messages per core",
        "/s",
        25_000,
        _figure("bulk", "Python API", "per_core"),
        True,
    ),
    Goal("bulk message, CPU vs Node's single send", "x", 1 / 15, _bulk_vs_single),
    Goal("push, 2 workers, CPU vs Node", "x", 1.0, _vs_node("push", "2 workers")),
    Goal("room of 2,000, CPU vs Node", "x", 0.7, _vs_node("room", "2000 sockets")),
    Goal(
        "push, 8 workers vs 1, at the same rate of all",
        "x",
        1.3,
        _over(_figure("push", "8 workers", "cpu_us"), _figure("push", "1 workers", "cpu_us")),
    ),
    Goal(
        "push, 8 workers vs 1, each at 125/s",
        "x",
        1.3,
        _over(
            _figure("push", "8 workers", "cpu_us"),
            _figure("push", "1 workers, 125/s each", "cpu_us"),
        ),
    ),
    Goal("idle socket, of 1,000", "KB", 32, _figure("idle", "1,000 sockets", "kb")),
    Goal("idle socket, of 10,000", "KB", 32, _figure("idle", "10,000 sockets", "kb")),
    Goal("commit to socket at half load, p50", "ms", 2, _figure("durable", "half load", "p50_ms")),
    Goal("commit to socket at half load, p99", "ms", 15, _figure("durable", "half load", "p99_ms")),
    Goal("empty poll, CPU vs Node", "x", 1.0, _vs_node("polls", "nothing new")),
    Goal(
        "send with 10,000,000 stored vs 1,000, app CPU",
        "x",
        1.2,
        _over(
            _figure("growth", "10,000,000 stored", "cpu_us"),
            _figure("growth", "1,000 stored", "cpu_us"),
        ),
    ),
    Goal(
        "send with 10,000,000 stored vs 1,000, database CPU",
        "x",
        1.2,
        _over(
            _figure("growth", "10,000,000 stored", "db_us"),
            _figure("growth", "1,000 stored", "db_us"),
        ),
    ),
)


def verdicts(results: Results) -> list[tuple[str, str, str, str]]:
    """Goal, bound, measured, verdict of every goal whose figures are there."""
    found = []
    for goal in GOALS:
        value = goal.measure(results)
        if value is not None:
            sign = "≥" if goal.least else "≤"
            bound = f"{sign} {goal.bound:,.3g} {goal.unit}"
            if goal.bound >= 1000:
                bound = f"{sign} {goal.bound:,.0f} {goal.unit}"
            shown = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
            found.append((goal.text, bound, f"{shown} {goal.unit}", goal.verdict(value)))
    return found
