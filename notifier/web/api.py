"""The HTTP API: the poll, the inbox, sending and marking read, and the health of the process."""

from __future__ import annotations

import functools
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import flask
import werkzeug.exceptions
from flask.globals import request_ctx
from flask.sessions import SessionMixin
from sqlalchemy.exc import SQLAlchemyError

from .. import messages
from ..errors import InvalidInput, UnknownUser
from ..messages import Message
from ..outages import is_missing_table
from ..stamps import parse_seconds, to_seconds
from .identity import Caller
from .metrics import CONTENT_TYPE
from .origins import allow
from .problems import problem

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["register"]

# Ten thousand recipients of 64 characters and the longest body fit in it with room to spare.
_LARGEST_REQUEST = 2 * 1024 * 1024


def register(blueprint: flask.Blueprint, notifier: Notifier) -> None:
    """Add the routes to ``blueprint``."""
    views = _Views(notifier)
    add = blueprint.add_url_rule
    add("/notifications", "poll", views.poll, methods=["GET"])
    add("/api/v1/messages", "list_messages", views.list_messages, methods=["GET"])
    add("/api/v1/messages", "send", views.send, methods=["POST"])
    add("/api/v1/messages/read", "mark_read", views.mark_read, methods=["POST"])
    add("/healthz", "healthz", views.healthz, methods=["GET"])
    add("/readyz", "readyz", views.readyz, methods=["GET"])
    if notifier.settings.metrics != "off":
        add("/metrics", "metrics", views.metrics, methods=["GET"])


class _Views:
    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._own_origin = allow(notifier.settings.allowed_origins)

    def poll(self) -> flask.Response:
        caller = self._reader()
        since = parse_seconds(flask.request.args.getlist("since"), "since")
        self._notifier.metrics.healed(flask.request.args.getlist("missed"))
        events = self._notifier.store.since(caller.user, since or 0)
        response = _answer([event.polled() for event in events])
        response.headers["Poll-Interval"] = f"{self._notifier.settings.poll_interval:g}"
        return response

    def list_messages(self) -> flask.Response:
        caller = self._reader()
        before = parse_seconds(flask.request.args.getlist("before"), "before")
        page = self._notifier.store.list_messages(
            caller.user, None if before is None else to_seconds(before), _limit()
        )
        return _answer({"messages": [_as_json(message) for message in page]})

    def send(self) -> flask.Response:
        caller = self._writer()
        fields = _fields({"to", "body", "from"}, {"to", "body"})
        if fields.get("from", caller.user) != caller.user:
            return problem(403, "from: you can only send as yourself", field="from")
        operations = messages.send(
            self._notifier.settings, fields["to"], fields["body"], caller.user
        )
        self._check_known([operation.user for operation in operations])
        written = self._notifier.store.commit(operations)
        sent = [
            {"id": one.id, "to": one.user, "timestamp": to_seconds(one.stamp)}
            for one in written.messages
        ]
        return _answer({"messages": sent}, 201)

    def mark_read(self) -> flask.Response:
        caller = self._writer()
        fields = _fields({"up_to", "ids"}, set())
        operation = messages.mark_read(caller.user, fields.get("up_to"), fields.get("ids"))
        badge = self._notifier.store.commit([operation]).badges[caller.user]
        return _answer({"unread": badge.count, "timestamp": badge.since})

    def healthz(self) -> flask.Response:
        return _answer({"status": "ok"})

    def readyz(self) -> flask.Response:
        checks = {"database": self._database(), "broker": self._notifier.serving.broker_state()}
        if all(state in ("ok", "none") for state in checks.values()):
            return _answer({"status": "ready", **checks})
        response = _answer({"status": "unready", **checks}, 503)
        response.headers["Retry-After"] = str(self._notifier.outage.retry_after)
        return response

    def metrics(self) -> flask.Response:
        _check_may_scrape(self._notifier.settings.metrics)
        return flask.Response(self._notifier.metrics.text(), content_type=CONTENT_TYPE)

    def _database(self) -> str:
        try:
            self._notifier.store.ping()
        except SQLAlchemyError as error:
            self._notifier.outage.note(error)
            return "unprepared" if is_missing_table(error) else "unreachable"
        return "ok"

    def _reader(self) -> Caller:
        """The caller of a request that writes nothing, not even a refreshed session cookie."""
        caller = self._notifier.identity.of_request()
        _leave_session_alone()
        return caller

    def _writer(self) -> Caller:
        caller = self._notifier.identity.of_request()
        if caller.by_cookie:
            self._guard_against_forgery()
        return caller

    def _guard_against_forgery(self) -> None:
        """A form on a foreign page can send our cookie, but neither this type nor our origin."""
        request = flask.request
        if request.mimetype != "application/json":
            raise werkzeug.exceptions.UnsupportedMediaType("Send Content-Type: application/json.")
        if not self._own_origin(request.headers.get("Origin"), request.environ):
            raise werkzeug.exceptions.Forbidden("This origin may not write for a signed-in user.")

    def _check_known(self, users: list[str]) -> None:
        known = self._notifier.known
        if known is None:
            return
        unknown = sorted(set(users) - {str(user) for user in known(users)})
        if unknown:
            named = ", ".join(repr(user) for user in unknown[:5])
            raise UnknownUser("to", f"no such user: {named}")


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


def _leave_session_alone() -> None:
    """Give the response no session to save: a permanent one would be refreshed otherwise."""
    request_ctx._session = _unsaved(flask.current_app.session_interface.null_session_class)()


@functools.cache
def _unsaved(null_session: type[SessionMixin]) -> type[SessionMixin]:
    # Flask saves no null session; other extensions' hooks may still write to this one.
    writable = {name: getattr(dict, name) for name in ("__setitem__", "pop", "setdefault")}
    return type("UnsavedSession", (null_session,), writable)


def _answer(content: object, status: int = 200) -> flask.Response:
    # Without the app's JSON provider, which a host may have made to spell things differently.
    text = json.dumps(content, separators=(",", ":")) + "\n"
    response = flask.Response(text, status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _fields(known: set[str], required: set[str]) -> Mapping[str, Any]:
    """The members of the request's JSON object. Raises BadRequest or InvalidInput."""
    flask.request.max_content_length = _LARGEST_REQUEST
    try:
        content = flask.request.get_json(force=True)
    except RecursionError as error:
        raise werkzeug.exceptions.BadRequest("The JSON is nested too deeply.") from error
    if not isinstance(content, dict):
        raise werkzeug.exceptions.BadRequest("Send a JSON object.")
    _complain(sorted(required - content.keys()), "is missing")
    _complain(sorted(content.keys() - known), "is not a member of this request")
    return content


def _complain(fields: Iterable[str], problem: str) -> None:
    for name in fields:
        raise InvalidInput(name, problem)


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
