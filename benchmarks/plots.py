"""One picture for each workload: a group of bars for each case, a bar for each peer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.figures import COLUMNS, Result
from benchmarks.report import number

# The figures that get a panel, in this order, where they were measured.
SHOWN = ("cpu_us", "kb", "p50_ms", "p99_ms", "seconds")
COLOURS = {"notifier": "#2563eb", "node": "#65a30d", "flask-socketio": "#9ca3af"}


def plot(result: Result, path: Path) -> None:
    """Write the workload's picture to ``path``, a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [name for name in SHOWN if any(name in row.figures for row in result.rows)]
    figure, panels = pyplot.subplots(1, len(names), figsize=(5 * len(names), 4), squeeze=False)
    for name, panel in zip(names, panels[0], strict=True):
        _bars(panel, result, name)
    figure.suptitle(result.title)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _bars(panel: Any, result: Result, name: str) -> None:
    cases = list(dict.fromkeys(row.case for row in result.rows))
    peers = list(dict.fromkeys(row.peer for row in result.rows))
    width = 0.8 / len(peers)
    values = [result.figure(peer, case, name) or 0.0 for peer in peers for case in cases]
    for at, peer in enumerate(peers):
        heights = values[at * len(cases) : (at + 1) * len(cases)]
        places = [case + (at - (len(peers) - 1) / 2) * width for case in range(len(cases))]
        bars = panel.bar(places, heights, width * 0.95, label=peer, color=COLOURS.get(peer))
        panel.bar_label(bars, [number(height) for height in heights], fontsize=7, padding=2)
    panel.set_xticks(range(len(cases)), cases, fontsize=8)
    heading = COLUMNS[name]
    panel.set_title(f"{heading} per {result.unit}" if name == "cpu_us" else heading, fontsize=10)
    shown = [value for value in values if value > 0]
    if shown and max(shown) > 30 * min(shown):
        panel.set_yscale("log")
    panel.legend(fontsize=7)
