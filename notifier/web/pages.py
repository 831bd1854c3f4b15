"""What a template needs to show the badge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import flask
from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader
from sqlalchemy.exc import SQLAlchemyError

from ..models import UNREAD
from ..resources import static_dir, templates_dir

if TYPE_CHECKING:
    from ..extension import Notifier
    from ..operations import Badge

__all__ = ["Page", "blueprint", "register"]


@dataclass(frozen=True, slots=True)
class Page:
    """The badge of the current user, as the macro of ``notifier/badge.html`` renders it."""

    signed_in: bool
    name: str
    count: int
    since: float
    poll_url: str
    read_url: str
    socket_path: str
    namespace: str
    transports: str
    script_url: str


def blueprint(name: str, url_prefix: str) -> flask.Blueprint:
    """The blueprint of every route and static file of the notifier."""
    return flask.Blueprint(
        name,
        __name__,
        static_folder=str(static_dir()),
        static_url_path="/notifier/static",
        url_prefix=url_prefix or None,
    )


def register(app: flask.Flask, notifier: Notifier) -> None:
    """Let the app's templates import ``notifier/badge.html`` and call ``notifier_page()``."""
    # Blueprints of the host come after the app's loader, so of ours there is only what is named so.
    ours = PrefixLoader({"notifier": FileSystemLoader(str(templates_dir() / "notifier"))})
    loader = app.jinja_loader
    app.jinja_loader = ChoiceLoader([loader, ours]) if loader else ours

    def offer() -> dict[str, object]:
        # All that a macro sees which was imported without context. Not set before anything is
        # rendered, for the host may still say what its environment is to be like.
        app.jinja_env.globals.setdefault("notifier_page", lambda: _page(notifier))
        return {"notifier_page": _page_of(notifier)}

    app.context_processor(offer)


def _page_of(notifier: Notifier) -> Callable[[], Page]:
    """A function that reads the badge when it is first called, and once per rendered page."""
    page: Page | None = None

    def current() -> Page:
        nonlocal page
        if page is None:
            page = _page(notifier)
        return page

    return current


def _page(notifier: Notifier) -> Page:
    user = notifier.identity.of_session()
    badge = _badge(notifier, user) if user is not None else None
    name = notifier.settings.blueprint
    joint = notifier.serving.joint
    return Page(
        signed_in=user is not None,
        name=UNREAD,
        count=badge.count if badge else 0,
        since=badge.since if badge else 0.0,
        poll_url=flask.url_for(f"{name}.poll"),
        read_url=flask.url_for(f"{name}.mark_read"),
        socket_path=_root() + joint.path,
        namespace=joint.namespace,
        transports=",".join(joint.transports),
        script_url=flask.url_for(f"{name}.static", filename="notifier/start.js"),
    )


def _badge(notifier: Notifier, user: str) -> Badge | None:
    """The badge; None, which is hidden until the page catches up, if it cannot be read."""
    try:
        return notifier.store.badge(user)
    except SQLAlchemyError as error:
        notifier.outage.note(error)
        return None


def _root() -> str:
    """Where the app is mounted, as ``url_for`` knows by itself."""
    return flask.request.script_root if flask.has_request_context() else ""
