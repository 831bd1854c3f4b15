"""Run workloads, print tables, and write JSON and plots.

    python -m benchmarks [NAME ...] [--quick] [--profile] [--repeat N] [--peers a,b] [--out FOLDER]

Without names all of them run, which takes a while. The load generator and all servers share the
machine, so what counts is the CPU of the app's processes and the ratio to a peer that was
measured in the same run. The goals are judged by every result in the folder.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bench import PEERS, Bench
from benchmarks.figures import Result, median
from benchmarks.goals import verdicts
from benchmarks.plots import plot
from benchmarks.report import goals_table, read_json, result_table, write_json
from benchmarks.stack import running_stack
from benchmarks.workloads import WORKLOADS


def main() -> None:
    options = chosen(sys.argv[1:])
    # Told to end, it still ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / ".gitignore").write_text("*\n")
    peers = [PEERS[name] for name in options.peers]
    for name in options.names or WORKLOADS:
        with running_stack() as stack:
            bench = Bench(stack, peers, options.quick, profile_folder(name, options))
            result = median([WORKLOADS[name](bench) for _ in range(options.repeat)])
        publish(result, options)
    if not options.quick and not options.profile:
        results = {path.stem: read_json(path) for path in options.out.glob("*.json")}
        summary = goals_table(verdicts(results))
        (options.out / "goals.md").write_text(summary)
        print(summary)


def profile_folder(name: str, options: argparse.Namespace) -> Path | None:
    """Where the stacks of a workload go, if it is profiled."""
    if not options.profile:
        return None
    folder: Path = options.out / "profiles" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def publish(result: Result, options: argparse.Namespace) -> None:
    """Print a result, and write its files."""
    print(result_table(result), flush=True)
    conditions = {"quick": options.quick, "repeat": options.repeat, "load": os.getloadavg()}
    write_json(options.out / f"{result.name}.json", result, conditions)
    (options.out / f"{result.name}.md").write_text(result_table(result))
    plot(result, options.out / f"{result.name}.png")


def chosen(arguments: Sequence[str]) -> argparse.Namespace:
    """The options. Exits with a message for one that cannot be used."""
    parser = argparse.ArgumentParser("benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(WORKLOADS))
    parser.add_argument("--quick", action="store_true", help="small and short: does it work at all")
    parser.add_argument("--profile", action="store_true", help="where our CPU goes, by py-spy")
    parser.add_argument("--repeat", type=int, default=1, help="runs of which the median counts")
    parser.add_argument("--peers", default=",".join(PEERS), help="default: all of them")
    parser.add_argument("--out", type=Path, help="default: bench-results")
    options = parser.parse_args(arguments)
    options.peers = options.peers.split(",")
    for name in options.names:
        if name not in WORKLOADS:
            parser.error(f"no workload {name!r}; there are {', '.join(WORKLOADS)}")
    for name in options.peers:
        if name not in PEERS:
            parser.error(f"no peer {name!r}; there are {', '.join(PEERS)}")
    # Quick figures, and those of a worker that is sampled, are not to be judged with others.
    options.out = options.out or Path("bench-results", *_kind(options))
    return options


def _kind(options: argparse.Namespace) -> list[str]:
    return ["quick"] if options.quick else ["profiled"] if options.profile else []


if __name__ == "__main__":
    main()
