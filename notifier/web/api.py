"""The HTTP API: its routes, the poll, the inbox, and the health of the process."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

import flask
import werkzeug.exceptions

from .. import messages
from ..errors import InvalidInput
from ..messages import Message
from ..stamps import parse_seconds, to_seconds
from .apidocs import DOCUMENT, PAGE, ApiDocs
from .bodies import answer, fields
from .callers import Callers
from .metrics import CONTENT_TYPE
from .producers import Producers
from .routes import Routes

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["register"]


def register(blueprint: flask.Blueprint, notifier: Notifier) -> None:
    """Add the routes to ``blueprint``."""
    callers = Callers(notifier)
    views, producers = _Views(notifier, callers), Producers(notifier, callers)
    routes = Routes(blueprint)
    routes.add("/notifications", "poll", views.poll)
    routes.add("/api/v1/messages", "list_messages", views.list_messages)
    routes.add("/api/v1/messages", "send", producers.send, "POST")
    routes.add("/api/v1/messages/read", "mark_read", views.mark_read, "POST")
    routes.add("/api/v1/notifications", "notify", producers.notify, "POST")
    routes.add("/healthz", "healthz", views.healthz)
    routes.add("/readyz", "readyz", views.readyz)
    if notifier.settings.metrics != "off":
        routes.add("/metrics", "metrics", views.metrics)
    if notifier.settings.api_docs == "on":
        docs = ApiDocs(notifier)
        routes.add(DOCUMENT, "openapi", docs.openapi)
        routes.add(PAGE, "docs", docs.page)
    routes.close()


class _Views:
    def __init__(self, notifier: Notifier, callers: Callers) -> None:
        self._notifier = notifier
        self._callers = callers

    def poll(self) -> flask.Response:
        caller = self._callers.reader()
        since = parse_seconds(flask.request.args.getlist("since"), "since")
        self._notifier.metrics.healed(flask.request.args.getlist("missed"))
        events = self._notifier.store.since(caller.user, since or 0)
        response = answer([event.polled() for event in events])
        response.headers["Poll-Interval"] = f"{self._notifier.settings.poll_interval:g}"
        return response

    def list_messages(self) -> flask.Response:
        caller = self._callers.reader()
        before = parse_seconds(flask.request.args.getlist("before"), "before")
        page = self._notifier.store.list_messages(
            caller.user, None if before is None else to_seconds(before), _limit()
        )
        return answer({"messages": [_as_json(message) for message in page]})

    def mark_read(self) -> flask.Response:
        caller = self._callers.writer()
        content = fields({"up_to", "ids"}, set())
        operation = messages.mark_read(caller.user, content.get("up_to"), content.get("ids"))
        badge = self._notifier.store.commit([operation]).badges[caller.user]
        return answer({"unread": badge.count, "timestamp": badge.since})

    def healthz(self) -> flask.Response:
        return answer({"status": "ok"})

    def readyz(self) -> flask.Response:
        states = {
            "database": self._notifier.readiness.database(),
            "broker": self._notifier.serving.broker_state(),
        }
        others = {"processes": "several"} if self._notifier.readiness.company.several else {}
        if all(state in ("ok", "none") for state in states.values()):
            return answer({"status": "ready", **states, **others})
        response = answer({"status": "unready", **states, **others}, 503)
        response.headers["Retry-After"] = str(self._notifier.outage.retry_after)
        return response

    def metrics(self) -> flask.Response:
        _check_may_scrape(self._notifier.settings.metrics)
        return flask.Response(self._notifier.metrics.text(), content_type=CONTENT_TYPE)


def _check_may_scrape(access: str) -> None:
    """Raises Forbidden or Unauthorized if this request may not read the figures."""
    if access != "on":
        shown = flask.request.headers.get("Authorization", "").encode()
        if not hmac.compare_digest(shown, f"Bearer {access}".encode()):
            raise werkzeug.exceptions.Unauthorized("Send the token of NOTIFIER_METRICS.")
    elif _came_through_proxy(flask.request):
        raise werkzeug.exceptions.Forbidden(
            "Ask without a proxy in between, or set a token as NOTIFIER_METRICS and send it."
        )


def _came_through_proxy(request: flask.Request) -> bool:
    """Whether a proxy says so, or said so before its headers were taken off."""
    before = request.environ.get("werkzeug.proxy_fix.orig", {}).get("REMOTE_ADDR")
    return any(
        name in request.headers for name in ("X-Forwarded-For", "Forwarded", "Via")
    ) or before not in (None, request.environ.get("REMOTE_ADDR"))


def _limit() -> int:
    values = flask.request.args.getlist("limit")
    if not values:
        return 20
    if len(values) > 1 or not values[0].isascii() or not values[0].isdigit() or len(values[0]) > 3:
        raise InvalidInput("limit", f"must be given once, 1 to {messages.LARGEST_PAGE}")
    return int(values[0])


def _as_json(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "from": message.sender,
        "to": message.to,
        "body": message.body,
        "timestamp": message.timestamp,
        "read": message.read,
    }
