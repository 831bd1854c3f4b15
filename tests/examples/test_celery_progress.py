"""Whatever befalls a Celery task: exactly the committed notifications, no more."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests
from playwright.sync_api import expect

from tests.browser.window import Window
from tests.examples.conftest import MakeExample, OpenWindow
from tests.examples.example import ONLY_PUSHES, Example
from tests.examples.imports import Import, Imports
from tests.services.valkey import Valkey
from tests.support import free_port, wait_until

LINES = [f"reader{n}@example.org" for n in range(6)]


@pytest.fixture(scope="module")
def imports(make_example: MakeExample, valkey: Valkey) -> Imports:
    """The page, and no worker yet."""
    broker = valkey.url.removesuffix("/0") + "/7"
    env = {"REDIS_URL": broker, "NOTIFIER_CHANNEL": "imports", "REDELIVER_SECONDS": "2"}
    return Imports(make_example("celery_progress", **env, **ONLY_PUSHES))


@pytest.fixture(scope="module")
def working(imports: Imports) -> Imports:
    """The page and a worker."""
    imports.start_worker()
    return imports


@pytest.fixture
def running(working: Imports) -> Iterator[Import]:
    """An import that has begun and is not near its end."""
    import_ = working.start(*LINES)
    import_.reaches(1)
    yield import_
    import_.listener.close()


def assert_exactly_once(import_: Import) -> None:
    """Each line was committed once, and everything pushed was committed."""
    import_.shows(done=len(LINES), of=len(LINES))
    assert import_.done() == list(range(len(LINES) + 1))
    assert import_.addresses() == LINES
    pushed = import_.pushed()
    assert all(event in import_.committed() for event in pushed)
    assert pushed == sorted(pushed, key=lambda event: event[0])


def test_a_task_whose_worker_is_killed_goes_on_in_the_next(
    running: Import, working: Imports
) -> None:
    working.kill_worker()
    assert len(running.done()) < len(LINES)
    working.start_worker()
    assert_exactly_once(running)


def test_a_task_whose_process_is_killed_goes_on_in_another(
    running: Import, working: Imports
) -> None:
    working.kill_pool()
    assert len(running.done()) < len(LINES)
    assert_exactly_once(running)


def test_a_task_that_fails_on_a_locked_database_is_tried_again(
    running: Import, working: Imports
) -> None:
    with closing(working.connect()) as database:
        database.execute("BEGIN IMMEDIATE")
        working.worker_says("Retry in 1s")
        database.execute("ROLLBACK")
    assert_exactly_once(running)


def test_a_task_that_is_delivered_twice_imports_each_line_once(
    running: Import, working: Imports
) -> None:
    running.deliver_again("twice")
    working.worker_says("[twice] received")
    assert len(running.done()) < len(LINES)
    assert_exactly_once(running)
    working.worker_says("[twice] succeeded")
    assert_exactly_once(running)


def test_a_step_that_is_rolled_back_tells_nobody(working: Imports) -> None:
    import_ = working.start("a@example.org", "b@example.org", "nonsense", "c@example.org")
    import_.shows(error="'nonsense' is no address")
    assert import_.done() == [0, 1, 2, 2]
    assert import_.addresses() == ["a@example.org", "b@example.org"]
    assert all(event in import_.committed() for event in import_.pushed())
    import_.listener.close()


def test_an_import_that_no_broker_takes_says_so_and_is_over(make_example: MakeExample) -> None:
    imports = Imports(
        make_example("celery_progress", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    )
    with requests.Session() as browser:
        browser.get(imports.example.url, timeout=10)
        answer = browser.post(imports.example.url, {"addresses": "a@example.org"}, timeout=30)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "import it again in a minute" in answer.text
    [(error, done)] = imports.rows("SELECT error, done FROM jobs")
    assert (error[:9], done) == ("no worker", 0)


@pytest.fixture(scope="module")
def demonstration(make_example: MakeExample) -> Example:
    """The command of the README: page, worker and a Valkey of its own."""
    example = make_example("celery_progress", LINE_SECONDS="0.05", **ONLY_PUSHES)
    example.serve()
    return example


def start(window: Window, *lines: str) -> None:
    window.page.get_by_role("textbox").fill("\n".join(lines))
    window.page.get_by_role("button", name="Import").click()


def test_a_bar_moves_in_every_window_as_the_task_commits(
    demonstration: Example, open_window: OpenWindow
) -> None:
    window = open_window(demonstration.url)
    answer = window.page.goto(demonstration.url)
    assert answer
    assert answer.headers["content-security-policy"] == "default-src 'self'"
    other = open_window(demonstration.url, beside=window).open("/")
    other.is_live()
    start(window, *LINES)
    for one in (window, other):
        expect(one.page.locator("progress")).to_have_js_property("value", len(LINES))
        expect(one.page.get_by_text(f"{len(LINES)} of {len(LINES)}")).to_be_visible()
    assert len([name for name, _ in other.pushed if name.startswith("task_progress:")]) > 2
    assert other.polls == []


def test_after_a_reload_the_bar_stands_where_the_commits_ended(
    demonstration: Example, open_window: OpenWindow
) -> None:
    window = open_window(demonstration.url).open("/")
    start(window, "a@example.org", "nonsense", "c@example.org")
    expect(window.page.get_by_text("'nonsense' is no address")).to_be_visible()
    window.page.route(
        "**/*.js", lambda route: route.fulfill(body="", content_type="text/javascript")
    )
    window.page.reload()
    expect(window.page.locator("progress")).to_have_js_property("value", 1)
    expect(window.page.get_by_text("1 of 3")).to_be_visible()
    expect(window.page.get_by_text("'nonsense' is no address")).to_be_visible()


def test_a_form_from_before_the_cookie_leads_back_to_the_page(demonstration: Example) -> None:
    answer = requests.post(demonstration.url, {"addresses": "a@example.org"}, timeout=10)
    assert [one.status_code for one in (*answer.history, answer)] == [302, 200]


def test_ctrl_c_ends_the_demonstration_without_a_word(demonstration: Example) -> None:
    (process,) = demonstration.running
    said = len(process.output())
    process.signal_group(signal.SIGINT)
    wait_until(lambda: not process.running, 30, "everything has ended")
    assert process.returncode == 0
    assert "Traceback" not in process.output()[said:]
