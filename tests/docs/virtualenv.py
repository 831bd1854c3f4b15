"""A new virtualenv for what a page installs, from the wheel of this checkout, without network."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

AS_ROOT = "WARNING: Running pip as the 'root' user"


def make_virtualenv(folder: Path) -> Path:
    """One in which everything is installed that is installed here, but the package itself.

    So pip finds that the versions fit which the wheel asks for, and has nothing to fetch.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    (site,) = folder.glob("lib/python*/site-packages")
    borrowed = folder / "borrowed"
    borrowed.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.suffix != ".pth" and "notifier" not in path.name:
            (borrowed / path.name).symlink_to(path)
    (site / "borrowed.pth").write_text(f"{borrowed}\n")
    pip = folder / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m pip "$@"\n')
    pip.chmod(0o755)
    return folder


def install(line: str, wheel: Path, folder: Path) -> str:
    """Run a page's ``pip install`` in a virtualenv of its own, and return what it prints."""
    make_virtualenv(folder)
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    settings = {"PATH": path, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheel.parent)}
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | settings
    environment |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_COMPILE": "1"}
    printed = [
        subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
        )
        for command in (["bash", "-c", line], ["python", "-Ic", "print(__import__('notifier'))"])
    ]
    for done in printed:
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        # An extra that is not there is no error to pip.
        assert "WARNING" not in done.stderr.replace(AS_ROOT, ""), done.stderr
    assert str(folder / "lib") in printed[1].stdout
    return printed[0].stdout
