"""Run the suite on every Python that setup.cfg claims and this machine has, a virtualenv for each.

In the environment PYTHONS names others, separated by commas, by version (3.12) or path; ARGS is
what pytest gets instead. Prints a line for each; the virtualenvs and the output of pytest are in
build/pythons/. What is asked for by name has to be there.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "build" / "pythons"

# What depends on the Python that runs it; browsers, benchmarks and pages of the docs do not.
PARTS = ("unit", "contract", "web", "engine", "extension", "modes", "schema", "producers", "client")
LONGEST = 1800  # seconds for the tests of one Python, several times what they take
_CLAIM = re.compile(r"Programming Language :: Python :: (3\.\d+)$", re.MULTILINE)


@dataclass
class Result:
    """One line: what was wanted, what came of it, and whether that is well."""

    wanted: str
    well: bool
    text: str


def main() -> int:
    """Run all of them; 0 if at least one was found and all of them are well."""
    asked = os.environ.get("PYTHONS", "").replace(",", " ").split()
    arguments = shlex.split(os.environ.get("ARGS", ""))
    results = []
    for one in asked or claimed():
        print(f"Python {one} ...", flush=True)
        results.append(tried(one, arguments, needed=bool(asked)))
    print()
    for result in results:
        print(f"  Python {result.wanted:<8} {'ok' if result.well else 'FAILS':<6} {result.text}")
    some = any(result.text != MISSING for result in results)
    return 0 if some and all(result.well for result in results) else 1


MISSING = "is not on this machine"


def claimed() -> list[str]:
    """The versions that the classifiers in setup.cfg name."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    return _CLAIM.findall(config["metadata"]["classifiers"])


def tried(wanted: str, arguments: list[str], *, needed: bool) -> Result:
    """Install for one Python and run the tests on it."""
    python = next((path for path in candidates(wanted) if fits(path, wanted)), None)
    if python is None:
        return Result(wanted, not needed, MISSING)
    folder = PLACE / re.sub(r"[^\w.]+", "-", wanted).strip("-")
    try:
        install(python, folder)
    except subprocess.CalledProcessError as error:
        return Result(wanted, False, f"could not be installed for: {shlex.join(error.cmd)}")
    began = time.monotonic()
    code = run_tests(folder, arguments)
    summary = last_line(folder / "pytest.log") if code is not None else f"ran for {LONGEST} s"
    if code != 0:
        summary += f"; see {(folder / 'pytest.log').relative_to(ROOT)}"
    return Result(wanted, code == 0, f"{summary} ({time.monotonic() - began:.0f} s in all)")


def candidates(wanted: str) -> Iterator[str]:
    """The programs that may be this Python: named by path, on PATH, or installed by pyenv."""
    if os.sep in wanted:
        yield wanted
        return
    if found := shutil.which(f"python{wanted}"):
        yield found
    root = os.environ.get("PYENV_ROOT") or pyenv_root()
    for path in sorted(Path(root).glob(f"versions/{wanted}*/bin/python")) if root else ():
        yield str(path)


def pyenv_root() -> str | None:
    """Where pyenv keeps its versions, if there is one."""
    if shutil.which("pyenv") is None:
        return None
    asked = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or None


def fits(program: str, wanted: str) -> bool:
    """Whether it runs and is of that version; pyenv has programs on PATH that do not run."""
    code = "import sys, venv; print('.'.join(map(str, sys.version_info[:3])))"
    try:
        asked = subprocess.run([program, "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return asked.returncode == 0 and (
        os.sep in wanted or f"{asked.stdout.strip()}.".startswith(f"{wanted}.")
    )


def install(python: str, folder: Path) -> None:
    """Make the virtualenv, unless it is there and setup.cfg is as it was. Raises if that fails."""
    stamp = folder / "installed"
    state = hashlib.sha256((ROOT / "setup.cfg").read_bytes() + python.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == state:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    for command in (
        [python, "-m", "venv", str(folder)],
        # Editable: a build in the checkout would leave files there that get into later ones.
        [*pip, "install", "-qq", "--editable", ".[app,test]"],
    ):
        subprocess.run(command, cwd=ROOT, check=True)
    stamp.write_text(state)


def run_tests(folder: Path, arguments: list[str]) -> int | None:
    """The status of pytest, None if it took too long. Killed, it still ends its servers."""
    parts = [f"tests/{part}" for part in PARTS]
    usual = ["--numprocesses", "2", "--dist", "loadfile", *parts]
    with (folder / "pytest.log").open("wb") as log:
        running = subprocess.Popen(
            [str(folder / "bin" / "python"), "-m", "pytest", "-q", *(arguments or usual)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return running.wait(LONGEST)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()


def last_line(log: Path) -> str:
    """The last line that says something: the counts."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip("= ") if lines else "said nothing"


if __name__ == "__main__":
    sys.exit(main())
