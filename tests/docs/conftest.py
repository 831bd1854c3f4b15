"""The services behind the pages."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from notifier import Notifier
from tests.docs.story import Services, Story, run_flask
from tests.packaging.conftest import copy_sources, wheel  # noqa: F401 -- fixtures
from tests.services.process import Reaper
from tests.services.server import SECRET_KEY, ServerProcess, clean_environment
from tests.services.valkey import Valkey
from tests.support import ROOT

Begin = Callable[..., Story]
SITE = "site"
MEASURED = Path(__file__).with_name("measured")


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, reaper: Reaper, valkey: Valkey
) -> Iterator[ServerProcess]:
    """The reference app, live, with the users alice and bob."""
    folder = tmp_path_factory.mktemp("site")
    environment = settings(f"sqlite:///{folder / 'site.db'}", valkey, SITE)
    with pytest.MonkeyPatch.context() as monkeypatch:
        into(environment, monkeypatch)
        monkeypatch.chdir(ROOT)
        for words in ("init-db", "create-user alice bob --password of-the-tests-only"):
            run_flask(folder, "--app", "wsgi", "notifier", *words.split())
    server = ServerProcess(folder, reaper, env=environment)
    server.start()
    yield server
    server.close()


@pytest.fixture
def begin(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    reaper: Reaper,
    valkey: Valkey,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Begin]:
    """A function that begins a story: about the live app, or about a database of its own."""
    begun: list[Story] = []
    ask = request.getfixturevalue
    services = Services(reaper, lambda: ask("wheel"), lambda: ask("browser"))

    def begin(live: bool, on_postgres: bool = False) -> Story:
        server: ServerProcess | None = ask("site") if live else None
        own = ask("postgres_url") if on_postgres else f"sqlite:///{tmp_path / 'page.db'}"
        url = server.env["DATABASE_URL"] if server else own
        channel = SITE if live else tmp_path.name
        into(settings(url, valkey, channel) | {"LINES_OF": str(tmp_path)}, monkeypatch)
        monkeypatch.chdir(tmp_path)
        create_tables(url)
        begun.append(Story(tmp_path, server.url if server else "", services))
        return begun[0]

    yield begin
    for story in begun:
        story.close()


def settings(database_url: str, valkey: Valkey, channel: str) -> dict[str, str]:
    """What the environment says, in which our own programs and modules are found.

    With a channel of its own a page is not heard by the doctor of another.
    """
    return clean_environment(
        DATABASE_URL=database_url,
        REDIS_URL=valkey.url,
        NOTIFIER_CHANNEL=channel,
        SECRET_KEY=SECRET_KEY,
        PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        PYTHONPATH=os.pathsep.join([str(MEASURED), str(ROOT)]),
        FLASK_SKIP_DOTENV="1",
        # What other plugins import takes longer than a page's tests.
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",
    )


def into(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process's environment the given one."""
    for name in os.environ.keys() - environment.keys():
        monkeypatch.delenv(name)
    # Flask's command says so in the environment, and makes a way to the app it runs.
    for name, value in {**environment, "FLASK_RUN_FROM_CLI": "true"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "path", [*sys.path])


def create_tables(url: str) -> None:
    notifier = Notifier.from_url(url)
    notifier.create_tables()
    notifier.engine.dispose()
