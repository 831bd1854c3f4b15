"""A template of a page in Chromium, and the modules that it loads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import flask
from jinja2 import StrictUndefined
from werkzeug.serving import WSGIRequestHandler, make_server

from notifier import Notifier
from notifier.models import UNREAD

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PATIENCE_MS = 15_000
READ = "**/api/v1/messages/read"
# Each listener of ours comes after that of the page's own module.
LISTEN = """() => {
  globalThis.heard = new Promise((done) => {
    document.addEventListener("notifier", ({ detail }) => done(detail.name), { once: true });
  });
}"""
FAIL = """() => new Promise((done) => {
  document.addEventListener("notifier:mark-read-failed", () => done(), { once: true });
  document.dispatchEvent(new CustomEvent("notifier:mark-read", { detail: { upTo: 1 } }));
})"""


class Quiet(WSGIRequestHandler):
    def log(self, *_arguments: object) -> None:
        pass


class Window:
    """The app of a page on a port of its own, and a window on a template at ``/block``."""

    def __init__(
        self, app: flask.Flask, template: str, names: dict[str, Any], browser: Browser
    ) -> None:
        self._server = make_server(
            "127.0.0.1", 0, at_block(app, template, names), threaded=True, request_handler=Quiet
        )
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.page = browser.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.name = ""
        self.errors: list[str] = []
        self.said: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("response", self._response)

    def _response(self, response: Any) -> None:
        if response.status >= 400:
            self.errors.append(f"{response.status} {response.url}")

    def assert_follows(self, notifier: Notifier, user: str) -> None:
        """Open it, change the value of its badge, and wait until it shows that."""
        self.page.goto(f"http://127.0.0.1:{self._server.port}/block")
        assert self.errors == []
        badge = self.page.locator("[data-notifier-badge]")
        self.name = name = badge.get_attribute("data-name") or UNREAD
        self.page.wait_for_function(
            "performance.getEntriesByType('resource').some(one => one.name.includes('start.js'))"
        )
        change(notifier, user, name)
        value = next(event.data for event in notifier.since(user) if event.name == name)
        self.page.wait_for_function(
            "value => document.querySelector('[data-notifier-badge]').innerText === value",
            arg=str(value),
        )
        assert self.errors == []

    def assert_runs(self, script: str, notifier: Notifier, user: str) -> None:
        """Run a module, and what it listens for: a value, and a failure to mark as read."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Profiler.enable")
        session.send("Profiler.startPreciseCoverage", {"callCount": True, "detailed": True})
        whole = f"{script}\nglobalThis.ran = true;\n//# sourceURL=block.js"
        self.page.add_script_tag(content=whole, type="module")
        self.page.wait_for_function("globalThis.ran")
        self.page.evaluate(LISTEN)
        change(notifier, user, UNREAD)
        self.page.evaluate("heard")
        self.page.route(READ, lambda route: route.abort())
        self.page.evaluate(FAIL)
        taken = session.send("Profiler.takePreciseCoverage")["result"]
        (block,) = [one for one in taken if one["url"].endswith("block.js")]
        assert unrun(script, block["functions"]) == []
        assert self.errors == []
        assert not [text for text in self.said if "undefined" in text]

    def close(self) -> None:
        self.page.close()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def at_block(
    app: flask.Flask, template: str, names: dict[str, Any]
) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """The app, and the template at one more address; an app that has served takes no new route."""
    undefined = app.jinja_env.undefined

    def serve(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/block":
            return app(environ, start)
        with app.request_context(environ):
            app.jinja_env.undefined = StrictUndefined
            try:
                page = flask.render_template_string(template, **names)
            finally:
                app.jinja_env.undefined = undefined
            return flask.Response(page)(environ, start)

    return serve


def change(notifier: Notifier, user: str, name: str) -> None:
    """Let a value be another one than before."""
    with notifier.transaction():
        if name == UNREAD:
            notifier.send(user, "One more.")
        else:
            notifier.notify(user, name, 17)


def unrun(script: str, functions: list[dict[str, Any]]) -> list[str]:
    """The parts of a script that never ran, as V8 counts them."""
    return [
        script[part["startOffset"] : part["endOffset"]]
        for function in functions
        for part in function["ranges"]
        if part["count"] == 0
    ]
