"""The package as others get it: built from a clean copy, installed outside the checkout.

Nothing is fetched: the build uses our setuptools, and the new environments borrow the
dependencies of the one that runs the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT

SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "notifier", "static", "templates")


@dataclass(frozen=True)
class Environment:
    """A virtualenv with the package in it."""

    folder: Path

    @property
    def python(self) -> str:
        return str(self.folder / "bin" / "python")

    def evaluate(self, program: str) -> Any:
        """Run a program that prints JSON, away from the checkout, and return what it printed."""
        return json.loads(run(self.python, "-I", "-c", program, cwd=self.folder))


@pytest.fixture(scope="session")
def copy_sources(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that makes a clean copy: building in the tree leaves files that leak later."""

    def copy() -> Path:
        folder = tmp_path_factory.mktemp("sources")
        for name in SOURCES:
            if (ROOT / name).is_dir():
                ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
                shutil.copytree(ROOT / name, folder / name, ignore=ignore)
            else:
                shutil.copy(ROOT / name, folder / name)
        return folder

    return copy


@pytest.fixture(scope="session")
def wheel(copy_sources: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), copy_sources())
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def sdist(copy_sources: Any) -> Path:
    """The built source distribution."""
    sources = copy_sources()
    program = "from setuptools.build_meta import build_sdist; build_sdist('out')"
    run(sys.executable, "-c", program, cwd=sources)
    (path,) = (sources / "out").glob("*.tar.gz")
    return Path(path)


@pytest.fixture(scope="session")
def wheel_environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A virtualenv with the wheel installed."""
    environment = new_environment(tmp_path_factory.mktemp("from-wheel"))
    install(environment, str(wheel))
    return environment


@pytest.fixture(scope="session")
def editable_environment(
    copy_sources: Any, tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """A virtualenv with an editable install of a copy of the checkout."""
    environment = new_environment(tmp_path_factory.mktemp("editable"))
    install(environment, "--no-build-isolation", "--editable", str(copy_sources()))
    return environment


def new_environment(folder: Path) -> Environment:
    """Create a virtualenv that also sees the packages of ours, but not our editable install.

    A path in a .pth file is searched, while the .pth files found there are not followed.
    """
    run(sys.executable, "-m", "venv", "--without-pip", str(folder / "venv"), cwd=folder)
    environment = Environment(folder / "venv")
    (site,) = environment.folder.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment


def install(environment: Environment, *what: str) -> None:
    """Install the package alone; --ignore-installed keeps pip off the borrowed environment."""
    pip("--python", environment.python, "install", "--no-deps", "--ignore-installed", *what)


def pip(*arguments: object) -> None:
    run(sys.executable, "-m", "pip", *map(str, arguments), cwd=Path("/"))


def run(*command: str, cwd: Path) -> str:
    """Run a command without network and return its stdout; its output is in the failure."""
    environment = os.environ | {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout
