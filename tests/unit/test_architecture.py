"""The floor plan: who may import whom."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGE = ROOT / "notifier"
MODULES = sorted(PACKAGE.rglob("*.py"))

CORE = [
    *("joining", "oneconnection", "ownstore", "unreachable", "reading"),
    *("errors", "config", "models", "operations", "stamps", "checks", "database", "inbox"),
    *("messages", "audit", "staging", "publisher", "store", "outages", "postgres"),
    *("rows", "rows_postgresql", "rows_sqlite", "sending", "batches", "bulk", "fairpool", "forks"),
    *("apikeys", "idempotency"),
    *("chunks", "watch", "schema", "parts", "erasure", "expiry", "retention"),
]
CORE_MAY_IMPORT = {"sqlalchemy", "notifier", *sys.stdlib_module_names}


def imports(path: Path) -> Iterator[str]:
    """The absolute names of everything that a module imports, wherever it does so."""
    package = path.parent.relative_to(ROOT).parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            yield from (f"{module}.{name.name}" for name in node.names)


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("module", CORE)
def test_the_core_knows_only_the_standard_library_and_sqlalchemy(module: str) -> None:
    roots = {name.partition(".")[0] for name in imports(PACKAGE / f"{module}.py")}
    assert roots <= CORE_MAY_IMPORT


@pytest.mark.parametrize("module", CORE)
def test_the_core_knows_neither_broker_nor_engine_nor_web(module: str) -> None:
    outside = ("notifier.broker", "notifier.engine", "notifier.web", "notifier.app")
    assert not [name for name in imports(PACKAGE / f"{module}.py") if name.startswith(outside)]


FLOORS = ["errors", "config", "models", "operations", "inbox", "messages", "staging", "extension"]


@pytest.mark.parametrize("floor", range(len(FLOORS)), ids=FLOORS)
def test_no_floor_imports_one_above_it(floor: int) -> None:
    above = {f"notifier.{name}" for name in FLOORS[floor + 1 :]}
    assert above.isdisjoint(imports(PACKAGE / f"{FLOORS[floor]}.py"))


def test_eventlet_is_named_in_one_room() -> None:
    elsewhere = [
        name_of(path)
        for path in MODULES
        if "engine" not in path.parts and any(n.startswith("eventlet") for n in imports(path))
    ]
    assert elsewhere == []


# Stamps, the age of tokens, latencies between processes, and what a page shows.
WALL_CLOCK = {
    *("notifier.stamps", "notifier.web.tokens", "notifier.web.metrics", "notifier.app.times"),
}


def test_nothing_else_looks_at_the_wall_clock() -> None:
    looks = {
        name_of(path) for path in MODULES if re.search(r"\btime\.time\b|_ns\b", path.read_text())
    }
    assert looks == WALL_CLOCK


def test_the_broker_knows_nothing_of_the_web() -> None:
    for path in (PACKAGE / "broker").glob("*.py"):
        assert not [n for n in imports(path) if n.startswith(("flask", "notifier.web"))]


def test_the_app_uses_only_public_names() -> None:
    for path in (PACKAGE / "app").rglob("*.py"):
        foreign = {
            name
            for name in imports(path)
            if name.startswith("notifier.") and not name.startswith("notifier.app")
        }
        assert {name.count(".") for name in foreign} <= {1}
        assert {name.partition(".")[2] for name in foreign} <= public_names()


def public_names() -> set[str]:
    import notifier

    return set(notifier.__all__)


def test_every_public_name_resolves() -> None:
    import notifier

    assert all(getattr(notifier, name) is not None for name in notifier.__all__)
    assert set(notifier.__all__) <= set(dir(notifier))


def test_an_unknown_name_is_an_attribute_error() -> None:
    import notifier

    with pytest.raises(AttributeError, match="nonsense"):
        _ = notifier.nonsense


def test_importing_the_package_loads_nothing_else() -> None:
    code = (
        "import sys, notifier;"
        "print([m for m in ('flask', 'sqlalchemy', 'socketio', 'redis') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "[]\n"


def test_no_file_has_outgrown_its_room() -> None:
    assert {
        name_of(path): lines
        for path in MODULES
        if (lines := len(path.read_text().splitlines())) > 280
    } == {}
