"""Prove the protocol: the model by exhaustion, the code by thousands of runs and by real faults.

Usage: prove.py [RUNS]. Prints a table. See docs/model/README.md for the model, tests/proof/ for the
runs and tests/faults/ for the faults.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "docs" / "model" / "protocol.pml"
RUNS = "5000"

# Megabytes that a search may take; the largest needs about half.
MEMORY = 3000
# Steps of the longest path that is kept; no path of the model comes near.
DEPTH = 1_000_000

SEARCHES = {
    "model: one commit, every fault": ["-DCOMMITS=1", "-DSOCKET=2"],
    "model: two, cuts and deaths": ["-DCOMMITS=2", "-DPATIENT"],
    "model: two, polls and failing requests": ["-DCOMMITS=2", "-DSTAYS", "-DSOCKET=2"],
    "model: three, losses": ["-DCOMMITS=3", "-DSTAYS", "-DPATIENT"],
}

# Each must be found out, so that a search that finds nothing means something.
BROKEN = {
    "any push moves the cursor": ["-DCOMMITS=3", "-DSTAYS", "-DPATIENT", "-DANY_PUSH"],
    "a survivor takes the oldest previous": [
        *("-DCOMMITS=3", "-DSTAYS", "-DPATIENT", "-DOLDEST_PREVIOUS"),
    ],
    "no sweep": ["-DCOMMITS=2", "-DNO_SWEEP"],
    "an answer replaces a push": ["-DCOMMITS=2", "-DANSWER_OVER_PUSH"],
}

MACHINES = {
    "machine on SQLite": ["tests/proof/test_machine.py", "-k", "sqlite"],
    "machine on PostgreSQL": ["tests/proof/test_machine.py", "-k", "postgresql"],
    "machine finds every mutant": ["tests/proof/test_mutants.py"],
}


@dataclass
class Result:
    """One line of the table."""

    what: str
    holds: bool
    figures: str
    seconds: float


def main(runs: str = RUNS) -> int:
    """Run everything; 0 if all of it holds."""
    if not have_spin():
        return 1
    results = [searched(what, switches) for what, switches in SEARCHES.items()]
    results += [broken(what, switches) for what, switches in BROKEN.items()]
    results += [tested(what, arguments, runs) for what, arguments in MACHINES.items()]
    results.append(faults())
    print()
    for one in results:
        verdict = "holds" if one.holds else "FAILS"
        print(f"  {verdict}  {one.what:<44} {one.figures:<28} {one.seconds:7.1f} s")
    return 0 if all(one.holds for one in results) else 1


def have_spin() -> bool:
    """Whether spin and gcc are here, if need be after installing them as root."""
    wanted = ("spin", "gcc")
    if not all(map(shutil.which, wanted)) and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing spin and gcc ...", flush=True)
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(
            ["apt-get", "install", "-qq", "--yes", "spin", "gcc", "libc6-dev"], check=False
        )
    missing = [program for program in wanted if not shutil.which(program)]
    if missing:
        print(
            f"error: {' and '.join(missing)} not found; on Debian or Ubuntu: "
            "apt-get install spin gcc, elsewhere see https://spinroot.com",
            file=sys.stderr,
        )
    return not missing


def searched(what: str, switches: list[str]) -> Result:
    """Search all states; it holds if the search was complete and found nothing."""
    print(f"{what} ...", flush=True)
    output, seconds = search(switches)
    states = re.search(r"(\d+(?:\.\d+)?(?:e\+\d+)?) states, stored", output)
    complete = "Search not completed" not in output and "errors: 0" in output
    if not complete:
        print(output)
    return Result(what, complete, f"{float(states[1]) if states else 0:,.0f} states", seconds)


def broken(what: str, switches: list[str]) -> Result:
    """Search a broken model; it holds if a counterexample was found."""
    print(f"broken: {what} ...", flush=True)
    output, seconds = search(switches)
    steps = re.search(r"\(at depth (\d+)\)", output)
    found = steps is not None and "assertion violated" in output
    figures = f"counterexample, depth {steps[1]}" if steps else "not found out"
    return Result(f"broken: {what}", found, figures, seconds)


def search(switches: list[str]) -> tuple[str, float]:
    """Compile the model with ``switches`` and run it; what it says, and the seconds it took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="notifier-model-") as folder:
        subprocess.run(["spin", "-a", *switches, str(MODEL)], cwd=folder, check=True)
        compile_with = ["-w", "-O2", "-DSAFETY", "-DCOLLAPSE", f"-DMEMLIM={MEMORY}"]
        subprocess.run(["gcc", *compile_with, "-o", "pan", "pan.c"], cwd=folder, check=True)
        ran = subprocess.run(
            ["./pan", f"-m{DEPTH}", "-w24"], cwd=folder, capture_output=True, text=True, check=False
        )
    return ran.stdout + ran.stderr, time.monotonic() - began


def tested(what: str, arguments: list[str], runs: str) -> Result:
    """Run a part of tests/proof/ at full length."""
    print(f"{what} ...", flush=True)
    began = time.monotonic()
    environment = os.environ | {"NOTIFIER_PROVE": "1", "NOTIFIER_PROVE_RUNS": runs}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments], cwd=ROOT, env=environment, check=False
    )
    figures = f"{int(runs):,} runs" if "test_machine" in arguments[0] else ""
    return Result(what, ran.returncode == 0, figures, time.monotonic() - began)


def faults() -> Result:
    """Cause every fault of the table at full length; it prints the table itself."""
    began = time.monotonic()
    ran = subprocess.run([sys.executable, "-m", "tests.faults"], cwd=ROOT, check=False)
    return Result("every fault of the table", ran.returncode == 0, "", time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
