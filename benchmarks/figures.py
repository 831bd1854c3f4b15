"""What a workload hands over: rows of figures, by peer and case."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

OURS = "notifier"

# Every figure there is, with the heading of its column, in the order of the columns. Those in
# COSTS are compared with the peers'.
COLUMNS = {
    "cpu_us": "app CPU µs",
    "db_us": "database CPU µs",
    "per_core": "per s and core",
    "rate": "per s",
    "kb": "KB/socket",
    "cpu_percent": "% of a core",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "seconds": "seconds",
    "load": "generator %",
}
COSTS = ("cpu_us", "kb", "cpu_percent")


@dataclass
class Row:
    """One peer in one case. ``figures`` has some of COLUMNS; ``notes`` are for the reader."""

    peer: str
    case: str
    figures: dict[str, float]
    notes: list[str] = field(default_factory=list)


@dataclass
class Result:
    """A workload's rows. ``unit`` is what the CPU is counted per."""

    name: str
    title: str
    unit: str
    rows: list[Row]

    def figure(self, peer: str, case: str, name: str) -> float | None:
        """One figure, None if it was not measured."""
        for row in self.rows:
            if (row.peer, row.case) == (peer, case):
                return row.figures.get(name)
        return None

    def ratios(self, row: Row) -> dict[str, float]:
        """Our cost over that of each peer in the same case, of the first cost both have."""
        found = {}
        for other in self.rows:
            if row.peer != OURS or other.case != row.case or other.peer == OURS:
                continue
            for name in COSTS:
                if row.figures.get(name) and other.figures.get(name):
                    found[other.peer] = row.figures[name] / other.figures[name]
                    break
        return found


def median(results: Sequence[Result]) -> Result:
    """The medians of repeated runs of one workload; notes of all of them."""
    first = results[0]
    rows = []
    for row in first.rows:
        same = [one for run in results for one in run.rows if (one.peer, one.case) == _key(row)]
        names = [name for name in row.figures if all(name in one.figures for one in same)]
        figures = {name: statistics.median(one.figures[name] for one in same) for name in names}
        notes = list(dict.fromkeys(note for one in same for note in one.notes))
        rows.append(Row(row.peer, row.case, figures, notes))
    return Result(first.name, first.title, first.unit, rows)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of ``values`` are; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def _key(row: Row) -> tuple[str, str]:
    return row.peer, row.case
