"""Figures of several processes behind one port, added up.

Every worker writes its own figures to a file of its own, in its rhythm and before it answers a
scrape; whichever worker is scraped adds all files up. A file outlives its worker, or a total would
fall when one ends; levels, such as open sockets, count for living workers only.
"""

from __future__ import annotations

import json
import logging
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

__all__ = ["BOUNDS", "Family", "Figures", "Latency", "Shared", "exposed"]

log = logging.getLogger("notifier.web")

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the classes of a latency, in seconds."""

Figures = dict[str, dict[str, float]]
"""By name of the family, by label ("" where it has none); of a latency by class, and its sum."""

_SUM = "sum"


@dataclass(frozen=True, slots=True)
class Family:
    """One name in the exposition. ``highest`` levels are not added up: the worst one counts."""

    name: str
    kind: Literal["counter", "level", "highest", "latency"]
    text: str
    label: str = ""


class Latency:
    """How often how long; cheap enough for every event."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        """Count one of ``seconds``; clocks that differ can make it less than nothing."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self._sum += max(seconds, 0.0)

    def read(self) -> dict[str, float]:
        """The figures so far."""
        named = zip((*map(str, BOUNDS), "+Inf"), self._counts, strict=True)
        return {**dict(named), _SUM: self._sum}


class Shared:
    """The folder in which the workers of one server leave their figures; "" for no others."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder) if folder else None
        self._failed = False

    def save(self, figures: Figures) -> None:
        """Leave this worker's figures where the others find them."""
        if self._folder is None:
            return
        try:
            self._folder.mkdir(0o700, parents=True, exist_ok=True)
            new = self._folder / f"{os.getpid()}.new"
            new.write_text(json.dumps(figures))
            new.replace(new.with_suffix(".json"))
        except OSError as error:
            if not self._failed:
                log.warning("Figures cannot be shared, /metrics tells of one worker: %s", error)
            self._failed = True

    def others(self) -> Iterator[tuple[bool, Figures]]:
        """The figures of the other workers, and whether each still lives."""
        for path in sorted(self._folder.glob("*.json")) if self._folder else []:
            if path.stem != str(os.getpid()):
                yield _lives(path.stem), json.loads(path.read_text())


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except OSError:
        return False
    return True


def _added(
    families: Iterable[Family], everyone: Iterable[tuple[bool, Figures]]
) -> dict[str, dict[str, float]]:
    """The figures of all workers in one."""
    kinds = {family.name: family.kind for family in families}
    total: Figures = {name: {} for name in kinds}
    for lives, figures in everyone:
        for name in kinds.keys() & figures.keys():
            if lives or kinds[name] in ("counter", "latency"):
                _add(total[name], figures[name], highest=kinds[name] == "highest")
    return total


def _add(total: dict[str, float], more: Mapping[str, float], *, highest: bool) -> None:
    for label, value in more.items():
        before = total.get(label, 0.0)
        total[label] = max(before, value) if highest else before + value


def exposed(
    families: Iterable[Family], everyone: Iterable[tuple[bool, Figures]]
) -> Iterator[Metric]:
    """What Prometheus is told."""
    families = list(families)
    total = _added(families, everyone)
    for family in families:
        yield _metric(family, total[family.name])


def _metric(family: Family, values: Mapping[str, float]) -> Metric:
    if family.kind == "latency":
        return _histogram(family, values)
    kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    metric = kind(family.name, family.text, labels=[family.label] if family.label else [])
    for label, value in sorted(values.items()):
        metric.add_metric([label] if family.label else [], value)
    return metric


def _histogram(family: Family, values: Mapping[str, float]) -> Metric:
    metric = HistogramMetricFamily(family.name, family.text)
    buckets, seen = [], 0.0
    for bound in (*map(str, BOUNDS), "+Inf"):
        seen += values.get(bound, 0.0)
        buckets.append((bound, seen))
    metric.add_metric([], buckets, values.get(_SUM, 0.0))
    return metric
