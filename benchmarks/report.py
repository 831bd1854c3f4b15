"""Tables for people, JSON for programs."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import psutil

from benchmarks.figures import COLUMNS, Result, Row


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, aligned."""
    cells = [list(head), *map(list, lines)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(head))]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| "
        + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        + " |"
        for line in cells
    )


def result_table(result: Result) -> str:
    """A workload's figures, our ratio to each peer, and the notes below."""
    names = [name for name in COLUMNS if any(name in row.figures for row in result.rows)]
    peers = list(dict.fromkeys(peer for row in result.rows for peer in result.ratios(row)))
    head = ["case", "peer", *(COLUMNS[name] for name in names), *(f"vs {peer}" for peer in peers)]
    lines = [_line(result, row, names, peers) for row in result.rows]
    notes = [f"- {row.case}, {row.peer}: {note}" for row in result.rows for note in row.notes]
    title = f"## {result.name}: {result.title} (CPU per {result.unit})"
    return "\n".join([title, "", table(head, lines), "", *notes, ""])


def _line(result: Result, row: Row, names: Sequence[str], peers: Sequence[str]) -> list[str]:
    ratios = result.ratios(row)
    shown = [number(row.figures[name]) if name in row.figures else "" for name in names]
    versus = [f"{ratios[peer]:.2f}x" if peer in ratios else "" for peer in peers]
    return [row.case, row.peer, *shown, *versus]


def goals_table(verdicts: Sequence[Sequence[str]]) -> str:
    """The goals and what became of them."""
    return "## Goals\n\n" + table(("goal", "bound", "measured", "verdict"), verdicts) + "\n"


def number(value: float) -> str:
    """A number with as many digits as mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def write_json(path: Path, result: Result, conditions: Mapping[str, object]) -> None:
    """Everything about one workload."""
    rows = [{**asdict(row), "ratios": result.ratios(row)} for row in result.rows]
    content = {**asdict(result), "rows": rows, "machine": machine(), "conditions": conditions}
    path.write_text(json.dumps(content, indent=2) + "\n")


def read_json(path: Path) -> Result:
    """A workload's result as it was written."""
    content = json.loads(path.read_text())
    rows = [Row(row["peer"], row["case"], row["figures"], row["notes"]) for row in content["rows"]]
    return Result(content["name"], content["title"], content["unit"], rows)


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
    }
