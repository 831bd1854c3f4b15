"""``flask notifier doctor`` as a shell and a program see it."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from click.testing import Result as Ran
from redis.exceptions import NoPermissionError
from sqlalchemy.exc import ProgrammingError

from notifier.doctor import checks
from notifier.doctor.report import Result as DoctorResult
from notifier.doctor.report import ok, warning, wrong
from notifier.doctor.running import Check
from notifier.doctor.site import Site
from notifier.errors import ConfigurationError
from tests.doctor.conftest import Host
from tests.services.server import ServerProcess, run_flask


class Forbidden(Exception):
    """As psycopg2 tells of a missing privilege."""

    pgcode = "42501"


def run(host: Host, *arguments: str, **config: Any) -> Ran:
    app = host(**config).app
    assert app is not None
    return app.test_cli_runner().invoke(args=["notifier", "doctor", *arguments])


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that replaces the table of checks."""
    return lambda *table: monkeypatch.setattr(checks, "CHECKS", table)


def test_the_deployed_app_has_nothing_wrong(deployed: ServerProcess) -> None:
    words = ("notifier", "doctor", "--json", "--url", deployed.url)
    told = json.loads(run_flask(deployed.env, *words, timeout=90))
    states = {one["check"]: one["state"] for one in told["checks"]}
    assert told["wrong"] == 0
    # The tests' own PostgreSQL runs with fsync off.
    assert states.pop("durability") == "warning"
    assert states.pop("transactions") == "skipped"
    # It trusts one proxy, and there is none.
    assert states.pop("origin") == "warning"
    assert states == dict.fromkeys(states, "ok")


def test_status_0_with_warnings(host: Host, only: Any) -> None:
    only(Check("one", lambda _: ok("fine")), Check("two", lambda _: warning("hm", "do this")))
    ran = run(host)
    assert ran.exit_code == 0
    assert ran.stdout.splitlines() == [
        "ok       one              fine",
        "warning  two              hm",
        "         -> do this",
        "1 ok, 1 warning, 0 wrong, 0 skipped",
    ]


def test_status_1_with_something_wrong(host: Host, only: Any) -> None:
    only(Check("one", lambda _: wrong("bad", "mend it")))
    assert run(host).exit_code == 1
    ran = run(host, "--json")
    assert ran.exit_code == 1
    assert json.loads(ran.stdout) == {
        "checks": [{"check": "one", "state": "wrong", "found": "bad", "advice": "mend it"}],
        "wrong": 1,
    }


def test_a_check_that_breaks_is_reported(host: Host, only: Any) -> None:
    only(Check("one", lambda _: 1 / 0), Check("two", lambda _: ok("fine")))  # type: ignore[arg-type,return-value]
    ran = run(host)
    assert ran.exit_code == 1
    assert "wrong    one" in ran.stdout
    assert "ZeroDivisionError at test_command.py:" in ran.stdout
    assert "ok       two" in ran.stdout


@pytest.mark.parametrize(
    "error",
    [
        NoPermissionError("no permission to run 'x'"),
        ConfigurationError("set SECRET_KEY"),
        ProgrammingError("SELECT", {}, Forbidden()),
    ],
)
def test_what_may_not_be_looked_at_is_skipped(host: Host, only: Any, error: Exception) -> None:
    def forbidden(_site: Site) -> DoctorResult:
        raise error

    only(Check("one", forbidden))
    assert run(host).stdout.startswith("skipped  one")


def test_a_check_that_hangs_is_left(host: Host, only: Any) -> None:
    never = threading.Event()
    only(Check("one", lambda _: ok(str(never.wait())), seconds=0.05))
    began = time.monotonic()
    ran = run(host)
    never.set()
    assert time.monotonic() - began < 5
    assert (ran.exit_code, "no answer within 0.05 s" in ran.stdout) == (1, True)


def test_what_needs_something_that_is_wrong_is_skipped(host: Host, only: Any) -> None:
    only(
        Check("one", lambda _: wrong("bad", "mend it")),
        Check("two", lambda _: ok("fine"), needs="one"),
    )
    assert "skipped  two              it makes sense once 'one' is right" in run(host).stdout


@pytest.mark.parametrize("url", ["example.org", "ftp://a.example", "http://a.example:x"])
def test_what_is_no_url_is_refused(host: Host, url: str) -> None:
    ran = run(host, "--url", url)
    assert ran.exit_code == 2
    assert "Traceback" not in ran.output


def test_every_need_comes_before() -> None:
    seen: set[str] = set()
    for check in checks.CHECKS:
        assert not check.needs or check.needs in seen
        seen.add(check.name)
