"""Tables, JSON and plots of given figures."""

from __future__ import annotations

from pathlib import Path

from benchmarks.database import Database
from benchmarks.figures import OURS, Result, Row, median, percentile
from benchmarks.plots import plot
from benchmarks.report import read_json, result_table, write_json


def result(ours: float = 50.0) -> Result:
    rows = [
        Row(OURS, "two workers", {"cpu_us": ours, "p50_ms": 1.5}, ["all arrived"]),
        Row("node", "two workers", {"cpu_us": 100.0, "p50_ms": 2.0}),
    ]
    return Result("push", "push to one user", "delivery", rows)


def test_our_row_carries_the_ratio_to_each_peer_and_the_notes_follow() -> None:
    table = result_table(result())
    (ours,) = (line for line in table.splitlines() if line.startswith(f"| two workers | {OURS}"))
    assert "0.50x" in ours
    assert f"- two workers, {OURS}: all arrived" in table


def test_all_lines_of_a_table_are_of_one_width() -> None:
    lines = [line for line in result_table(result()).splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_json(tmp_path / "push.json", result(), {"quick": True})
    assert read_json(tmp_path / "push.json") == result()


def test_repeats_are_summed_up_by_their_median() -> None:
    middle = median([result(10.0), result(90.0), result(20.0)])
    assert middle.figure(OURS, "two workers", "cpu_us") == 20.0
    assert middle.rows[0].notes == ["all arrived"]


def test_a_percentile_of_nothing_is_zero_and_of_one_value_that_value() -> None:
    assert percentile([], 0.99) == 0.0
    assert percentile([7.0], 0.99) == 7.0


def test_a_plot_is_a_picture(tmp_path: Path) -> None:
    plot(result(), tmp_path / "push.png")
    assert (tmp_path / "push.png").read_bytes().startswith(b"\x89PNG")


class Committed(Database):
    """A database in which alice's messages were committed at 10.5 and 12.25."""

    def __init__(self) -> None:
        """No server."""

    def rows(self, statement: str, name: str) -> list[tuple[object, ...]]:
        return [("alice", 10_000_000, 10.5), ("alice", 12_000_000, 12.25)]


def test_a_push_is_late_by_the_time_since_the_commit_of_its_newest_message() -> None:
    arrivals = [(10.75, "alice", 10.000001), (12.5, "alice", 12.0), (9.0, "alice", 9.0)]
    assert Committed().delays("any", arrivals) == [250.0, 250.0]
