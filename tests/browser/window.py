"""A browser window of one person, and everything its page asks, hears and complains of."""

from __future__ import annotations

import json
import re
import time
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    WebSocket,
    expect,
)

from notifier.models import UNREAD

# What Chromium and the client say of a network that fails.
NETWORK = r"^(WebSocket connection to|Failed to load resource: net::ERR_|notifier: cannot catch up)"


class Window:
    """A page of a browser profile, with a log of its requests, pushes and complaints."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.page: Page = context.new_page()
        self.asked: list[str] = []
        self.pushed: list[tuple[str, Any]] = []
        self.sockets = 0
        self._complaints: list[str] = []
        self._tolerated: list[str] = []
        self.page.on("request", self._request)
        self.page.on("websocket", self._websocket)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self._complaints.append(f"uncaught: {error}"))

    @property
    def badge(self) -> Locator:
        return self.page.locator("[data-notifier-badge]")

    @property
    def status(self) -> Locator:
        return self.page.locator("[data-notifier-status]")

    @property
    def messages(self) -> Locator:
        return self.page.locator(".message")

    @property
    def unread(self) -> Locator:
        return self.page.locator(".message.unread")

    @property
    def polls(self) -> list[str]:
        """The requests to /notifications so far."""
        return [url for url in self.asked if urlsplit(url).path == "/notifications"]

    @property
    def counts_pushed(self) -> list[int]:
        """The numbers of unread messages that came over the WebSocket."""
        return [payload["data"] for name, payload in self.pushed if name == UNREAD]

    @property
    def complaints(self) -> list[str]:
        """Warnings, errors and uncaught exceptions, except for what is tolerated."""
        known = re.compile("|".join(self._tolerated) or r"(?!)")
        return [text for text in self._complaints if not known.search(text)]

    def open(self, path: str = "/messages") -> Window:
        self.page.goto(self.url + path)
        return self

    def shows(self, count: int, **options: Any) -> None:
        """Wait until the badge shows ``count``: nothing at 0."""
        expect(self.badge).to_have_text(str(count), **options)
        expect(self.badge).to_be_visible(visible=count > 0)

    def is_live(self) -> Window:
        expect(self.status).to_have_text("Live")
        return self

    def tolerate(self, pattern: str = NETWORK) -> None:
        """Let the console say what matches ``pattern``: the test breaks something on purpose."""
        self._tolerated.append(pattern)

    def compose(self, to: str, body: str) -> None:
        """Write a message as a person does, in the form."""
        self.open("/messages/new")
        self.page.get_by_role("textbox", name="To").fill(to)
        self.page.get_by_role("textbox", name="Message").fill(body)
        self.page.get_by_role("button", name="Send").click()
        expect(self.page.get_by_text(f"Sent to {to}.")).to_be_visible()

    def watch_delays(self) -> None:
        """From now on note for each value shown how long ago it was stored."""
        self.page.evaluate("""() => {
            window.delays = [];
            document.addEventListener("notifier", ({ detail }) =>
                delays.push(Date.now() / 1000 - detail.timestamp));
        }""")

    def delays(self, number: int) -> list[float]:
        """Wait for the first ``number`` delays, in seconds."""
        self.page.wait_for_function("number => delays.length >= number", arg=number)
        return list(self.page.evaluate("delays"))

    def waits_for(self, predicate: Any, what: str, timeout: float = 15.0) -> None:
        """Let the page live on until ``predicate`` is true of what it asked or heard."""
        deadline = time.monotonic() + timeout
        while not predicate():
            assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}"
            self.page.wait_for_timeout(20)

    def _request(self, request: Request) -> None:
        self.asked.append(request.url)

    def _websocket(self, socket: WebSocket) -> None:
        self.sockets += 1
        socket.on("framereceived", self._frame)

    def _frame(self, frame: str | bytes) -> None:
        if isinstance(frame, str) and frame.startswith("42"):
            # After the name of a namespace, if it is not "/".
            name, payload = json.loads(frame[frame.index("[") :])
            self.pushed.append((name, payload))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._complaints.append(message.text)
