"""What is in the wheel and in the source distribution."""

from __future__ import annotations

import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from tests.support import ROOT


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        return Parser().parsestr(archive.read(path).decode())


def files_below(folder: str) -> set[str]:
    paths = (ROOT / folder).rglob("*")
    return {
        str(path.relative_to(ROOT))
        for path in paths
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_module_is_in_the_wheel(names: set[str]) -> None:
    modules = {name for name in files_below("notifier") if name.endswith(".py")}
    assert modules
    assert modules <= names


@pytest.mark.parametrize("folder", ["static", "templates"])
def test_every_file_that_is_not_python_is_in_the_wheel(names: set[str], folder: str) -> None:
    assert {f"notifier/{name}" for name in files_below(folder)} <= names


@pytest.mark.parametrize(
    "name",
    [
        "notifier/py.typed",
        "notifier/static/notifier/start.js",
        "notifier/static/vendor/socket.io.esm.min.js",
        "notifier/static/vendor/socket.io.LICENSE",
        "notifier/templates/notifier/badge.html",
        "notifier/templates/app/login.html",
    ],
)
def test_the_wheel_holds(names: set[str], name: str) -> None:
    assert name in names


def test_each_vendored_file_has_its_licence_beside_it(names: set[str]) -> None:
    vendored = [name for name in names if name.startswith("notifier/static/vendor/")]
    scripts = [name for name in vendored if name.endswith(".js")]
    assert scripts
    for script in scripts:
        assert f"{script.removesuffix('.js').split('.esm')[0]}.LICENSE" in vendored


def test_the_wheel_holds_the_package_and_nothing_else(names: set[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"notifier"}


def test_what_is_served_is_never_python(names: set[str]) -> None:
    served = [name for name in names if name.startswith(("notifier/static", "notifier/templates"))]
    assert not [name for name in served if name.endswith((".py", ".pyc"))]


def test_the_metadata_names_the_distribution_and_its_extras(metadata: Message) -> None:
    assert metadata["Name"] == "flask-notifier"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "MIT" in (metadata["License-Expression"] or metadata["License"])
    assert metadata.get_all("Provides-Extra") == ["app", "client", "docs", "test"]


def test_every_dependency_has_an_upper_bound(metadata: Message) -> None:
    requirements = metadata.get_all("Requires-Dist") or []
    assert requirements
    assert not [line for line in requirements if "setuptools" not in line and "<" not in line]


@pytest.mark.parametrize("folder", ["static", "templates", "notifier"])
def test_the_source_distribution_holds_what_the_wheel_is_built_from(
    sdist: Path, folder: str
) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert files_below(folder) <= names
