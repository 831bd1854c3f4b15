"""Making the app: its key, its tables, its command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from notifier import ConfigurationError
from notifier.app import create_app
from tests.app.conftest import MakeApp
from tests.app.visitor import PASSWORD, Visitor


@pytest.fixture
def cli(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def test_without_a_key_the_app_says_how_to_get_one(make_app: MakeApp, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"make run.*SECRET_KEY"):
        create_app(tmp_path)


def test_the_key_is_read_from_the_instance_folder(make_app: MakeApp, tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("from the file\n")
    assert create_app(tmp_path).config["SECRET_KEY"] == "from the file"


def test_the_environment_has_its_say_before_the_folder(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret_key").write_text("from the file")
    monkeypatch.setenv("SECRET_KEY", "from the environment")
    assert create_app(tmp_path).config["SECRET_KEY"] == "from the environment"


def test_making_the_app_makes_no_database(make_app: MakeApp, tmp_path: Path) -> None:
    create_app(tmp_path, {"SECRET_KEY": "key"})
    assert not (tmp_path / "notifier.sqlite3").exists()


def test_an_instance_folder_that_cannot_be_made_is_an_error_with_advice(
    make_app: MakeApp, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="set DATABASE_URL"):
        create_app(tmp_path / "file" / "instance", {"SECRET_KEY": "key"})


def test_importing_the_app_loads_no_web_stack() -> None:
    code = "import sys, notifier.app; sys.exit('flask' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_init_db_makes_the_tables_of_the_app_too(make_app: MakeApp, tmp_path: Path) -> None:
    app = create_app(tmp_path, {"SECRET_KEY": "key"})
    runner = app.test_cli_runner()
    for _ in range(2):
        assert runner.invoke(args=["notifier", "init-db"]).exit_code == 0
    Visitor(app).submit("/register", username="alice", password=PASSWORD)
    assert Visitor(app).sign_in("alice").location == "/messages"
    app.extensions["notifier"].engine.dispose()


def test_create_user_makes_users_who_can_sign_in(cli: FlaskCliRunner, app: Flask) -> None:
    result = cli.invoke(args=["notifier", "create-user", "Alice", "bob", "--password", PASSWORD])
    assert (result.exit_code, result.output) == (0, "alice created\nbob created\n")
    assert Visitor(app).sign_in("bob").location == "/messages"


def test_create_user_leaves_who_exists_as_is(cli: FlaskCliRunner, app: Flask) -> None:
    for password in (PASSWORD, "another one"):
        result = cli.invoke(args=["notifier", "create-user", "alice", "--password", password])
    assert (result.exit_code, result.output) == (0, "alice exists already, password unchanged\n")
    assert Visitor(app).sign_in("alice").location == "/messages"


def test_create_user_makes_nobody_if_one_name_is_bad(cli: FlaskCliRunner, app: Flask) -> None:
    arguments = ["notifier", "create-user", "alice", "b ob", "--password", PASSWORD]
    result = cli.invoke(args=arguments)
    assert result.exit_code == 1
    assert "username: must be" in result.output
    assert Visitor(app).sign_in("alice").status_code == 422


def test_create_user_refuses_a_bad_password_in_words(cli: FlaskCliRunner) -> None:
    result = cli.invoke(args=["notifier", "create-user", "alice", "--password", "short"])
    assert result.exit_code == 1
    assert "password: must have 8 to 200 characters" in result.output
