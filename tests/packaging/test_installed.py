"""The package works where it is installed, from the wheel and editable."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.conftest import Environment
from tests.support import ROOT

FOLDERS = """
import json, notifier
from notifier.resources import static_dir, templates_dir
print(json.dumps([notifier.__file__, str(static_dir()), str(templates_dir())]))
"""

READ = """
import json
from notifier.resources import static_dir, templates_dir
script = static_dir() / "notifier" / "start.js"
badge = templates_dir() / "notifier" / "badge.html"
print(json.dumps([script.read_text(), badge.read_text()]))
"""

SERVE = """
import json, warnings
warnings.simplefilter("ignore")
from flask import Flask
from notifier import Notifier, create_engine
app = Flask("host")
app.config["SECRET_KEY"] = "a-key-for-tests-only-0123456789abcdef"
Notifier(app, engine=create_engine("sqlite://"), identify=lambda: None)
with app.test_client() as client:
    names = ["notifier/start.js", "vendor/socket.io.esm.min.js", "../notifier/config.py"]
    print(json.dumps([client.get(f"/notifier/static/{name}").status_code for name in names]))
"""


@pytest.fixture(params=["wheel_environment", "editable_environment"])
def environment(request: pytest.FixtureRequest) -> Environment:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Environment)
    return found


def test_the_import_is_not_the_checkouts(environment: Environment) -> None:
    module, _, _ = environment.evaluate(FOLDERS)
    assert not Path(module).is_relative_to(ROOT)


def test_the_folders_resolve_beside_or_inside_the_installed_package(
    environment: Environment,
) -> None:
    module, static, templates = environment.evaluate(FOLDERS)
    package = Path(module).parent
    for folder in (Path(static), Path(templates)):
        assert folder.parent in (package, package.parent)


def test_the_files_are_readable_and_the_ones_of_the_checkout(environment: Environment) -> None:
    script, badge = environment.evaluate(READ)
    assert script == (ROOT / "static/notifier/start.js").read_text()
    assert badge == (ROOT / "templates/notifier/badge.html").read_text()


def test_a_host_serves_the_client_and_nothing_else(environment: Environment) -> None:
    assert environment.evaluate(SERVE) == [200, 200, 404]
