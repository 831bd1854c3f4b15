"""The interactive page of the API in a real Chromium, under the policy of the deployed app."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.producers.fuzz import served

PATIENCE_MS = 15_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URL of a host app, and an API key."""
    with served(tmp_path_factory.mktemp("page")) as (url, credentials):
        yield url, credentials["FUZZ_KEY"]


@pytest.fixture
def page(browser: Browser, site: tuple[str, str]) -> Iterator[Page]:
    complaints: list[str] = []
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda one: complaints.append(one.url) if site[0] not in one.url else None)
    page.goto(f"{site[0]}/api/v1/docs")
    yield page
    context.close()
    assert complaints == []


def test_the_page_runs_under_a_strict_policy(page: Page, site: tuple[str, str]) -> None:
    answer = page.request.get(f"{site[0]}/api/v1/docs")
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")
    expect(page.locator(".operation")).to_have_count(10, timeout=PATIENCE_MS)


def test_an_operation_can_be_tried_out_with_a_key(page: Page, site: tuple[str, str]) -> None:
    page.get_by_label("API key or token").fill(site[1])
    operation = page.locator("#sendMessage")
    operation.locator("> summary").click()
    operation.get_by_label("Idempotency-Key").fill("once")
    send = operation.get_by_role("button", name="Send")
    send.click()
    expect(operation.locator(".status")).to_contain_text("201", timeout=PATIENCE_MS)
    send.click()
    expect(operation.locator(".answer")).to_contain_text("Idempotency-Replayed: true")


def test_what_is_answered_is_shown_as_text(page: Page, site: tuple[str, str]) -> None:
    page.get_by_label("API key or token").fill(site[1])
    operation = page.locator("#setNotification")
    operation.locator("> summary").click()
    content = {"to": "<img src=x>", "name": "order_status", "data": 1}
    operation.get_by_label("Body", exact=True).fill(json.dumps(content))
    operation.get_by_role("button", name="Send").click()
    expect(operation.locator(".answer pre")).to_contain_text("<img src=x>", timeout=PATIENCE_MS)
    assert page.locator("img").count() == 0


def test_nothing_of_the_page_writes_markup() -> None:
    folder = Path(__file__).parents[2] / "static" / "api-docs"
    text = "".join(path.read_text() for path in folder.glob("*.js"))
    assert "textContent" in text
    assert not [word for word in ("innerHTML", "outerHTML", "insertAdjacentHTML") if word in text]
