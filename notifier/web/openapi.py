"""The API described to programs: an OpenAPI 3.1 document of every route and every answer."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from ..config import Settings
from .schemas import Json, problems, reference, schemas

__all__ = ["document"]

_USER: list[Json] = [{"session": []}, {"userToken": []}]
_API_KEY: list[Json] = [{"apiKey": []}]
_PRODUCER: list[Json] = [*_USER, *_API_KEY]
_NO_STORE: Json = {"Cache-Control": {"schema": {"const": "no-store"}}}
_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Repeats with the same key, caller and content within 24 hours write nothing "
    "and get the first answer. 1 to 255 printable ASCII characters.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
}


def document(settings: Settings, prefix: str, cookie: str) -> Json:
    """The document for an API under the path ``prefix``, where browsers show ``cookie``."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "notifier",
            "version": _version(),
            "description": "Durable, real-time notifications: messages, values by name, and what "
            "changed since. Errors are problems (RFC 9457), also the 405 of any other method.",
        },
        "servers": [{"url": prefix or "/"}],
        "tags": [
            {"name": "producers", "description": "What is written for others."},
            {"name": "inbox", "description": "What a user reads, of himself."},
            {"name": "operations", "description": "What monitoring asks."},
        ],
        "paths": _paths(settings),
        "components": {
            "schemas": schemas(settings),
            "responses": problems(),
            "securitySchemes": _security(cookie, settings.metrics),
        },
    }


def _version() -> str:
    try:
        return version("flask-notifier")
    except PackageNotFoundError:
        return "0"


def _security(cookie: str, metrics: str) -> Json:
    schemes: Json = {
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie,
            "description": "A browser in which a user is signed in.",
        },
        "userToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "A user's token, `flask notifier token USER`.",
        },
        "apiKey": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "nk_…",
            "description": "A program's key, `flask notifier key NAME`.",
        },
    }
    if metrics not in ("on", "off"):
        schemes["metricsToken"] = {
            "type": "http",
            "scheme": "bearer",
            "description": "What `NOTIFIER_METRICS` is set to.",
        }
    return schemes


def _paths(settings: Settings) -> Json:
    paths: Json = {
        "/api/v1/messages": {"post": _send(settings.users_send == "on"), "get": _list()},
        "/api/v1/notifications": {"post": _notify()},
        "/notifications": {"get": _poll()},
        "/api/v1/messages/read": {"post": _mark_read()},
        "/healthz": {"get": _healthz()},
        "/readyz": {"get": _readyz()},
        "/api/v1/openapi.json": {"get": _self()},
        "/api/v1/docs": {"get": _page()},
    }
    if settings.metrics != "off":
        paths["/metrics"] = {"get": _metrics(settings.metrics)}
    return paths


def _operation(
    tag: str, id: str, summary: str, answers: Json, refusals: tuple[int, ...] = (), **more: object
) -> Json:
    """An operation with its good ``answers``, and the problems it can end in."""
    refused = {str(code): {"$ref": f"#/components/responses/problem{code}"} for code in refusals}
    return {
        "tags": [tag],
        "operationId": id,
        "summary": summary,
        **more,
        "responses": {**answers, **refused},
    }


def _json(description: str, schema: Json, headers: Json | None = None) -> Json:
    return {
        "description": description,
        "headers": {**_NO_STORE, **(headers or {})},
        "content": {"application/json": {"schema": schema}},
    }


def _body(name: str, example: Json) -> Json:
    content = {"schema": reference(name), "examples": {"example": {"value": example}}}
    return {"required": True, "content": {"application/json": content}}


def _query(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _moment(name: str, description: str) -> Json:
    limits = {"type": "number", "minimum": 0, "maximum": 4_102_444_800}
    return _query(name, f"{description} A plain decimal number, no exponent.", limits)


_WRITE = (400, 401, 403, 404, 409, 413, 415, 422, 500, 503)


def _send(by_users: bool) -> Json:
    replayed = {"Idempotency-Replayed": {"schema": {"const": "true"}}}
    return _operation(
        "producers",
        "sendMessage",
        "Send a message to one user or many",
        {"201": _json("Stored.", reference("SentMessages"), replayed)},
        _WRITE,
        description=("A user sends as himself; an" if by_users else "An")
        + " API key with the scope `messages` as anyone.",
        security=_PRODUCER if by_users else _API_KEY,
        parameters=[_IDEMPOTENCY_KEY],
        requestBody=_body("NewMessage", {"to": "alice", "body": "Your order left."}),
    )


def _notify() -> Json:
    replayed = {"Idempotency-Replayed": {"schema": {"const": "true"}}}
    return _operation(
        "producers",
        "setNotification",
        "Set a value by name for one user or many",
        {"201": _json("Stored, or there already.", reference("SetNotifications"), replayed)},
        _WRITE,
        description="For API keys with the scope `notifications`. The value replaces the one "
        "before; where it is the same, nothing changes and `timestamp` is the user's head.",
        security=_API_KEY,
        parameters=[_IDEMPOTENCY_KEY],
        requestBody=_body(
            "NewNotification", {"to": ["alice"], "name": "order_status", "data": "shipped"}
        ),
    )


def _poll() -> Json:
    pace = {"Poll-Interval": {"required": True, "schema": {"type": "string"}}}
    events = {"type": "array", "items": reference("Event")}
    return _operation(
        "inbox",
        "poll",
        "What changed since a timestamp",
        {"200": _json("Ascending by timestamp.", events, pace)},
        (400, 401, 500, 503),
        security=_USER,
        parameters=[_moment("since", "The last timestamp seen; everything without.")],
    )


def _list() -> Json:
    limit = {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}
    return _operation(
        "inbox",
        "listMessages",
        "The messages of the user",
        {"200": _json("Newest first.", reference("Messages"))},
        (400, 401, 500, 503),
        security=_USER,
        parameters=[
            _moment("before", "Only older ones."),
            _query("limit", "How many at most.", limit),
        ],
    )


def _mark_read() -> Json:
    return _operation(
        "inbox",
        "markRead",
        "Mark messages read, up to a timestamp or by ids",
        {"200": _json("What is left.", reference("Unread"))},
        (400, 401, 403, 413, 415, 422, 500, 503),
        security=_USER,
        requestBody=_body("MarkRead", {"up_to": 1682479141.596086}),
    )


def _healthz() -> Json:
    answers = {"200": _json("The process lives.", reference("Health"))}
    return _operation("operations", "healthz", "Does the process live?", answers)


def _readyz() -> Json:
    retry = {"Retry-After": {"required": True, "schema": {"type": "string"}}}
    answers = {
        "200": _json("It can.", reference("Readiness")),
        "503": _json("It cannot, and why.", reference("Readiness"), retry),
    }
    return _operation("operations", "readyz", "Can it serve?", answers)


def _metrics(access: str) -> Json:
    text = {"text/plain": {"schema": {"type": "string"}}}
    answers = {"200": {"description": "In Prometheus' text format.", "content": text}}
    summary = "Figures of all workers of this server"
    if access == "on":
        return _operation("operations", "metrics", summary, answers, (403,))
    token: list[Json] = [{"metricsToken": []}]
    return _operation("operations", "metrics", summary, answers, (401,), security=token)


def _self() -> Json:
    answers = {"200": _json("OpenAPI 3.1.", {"type": "object"})}
    return _operation("operations", "openapi", "This document", answers)


def _page() -> Json:
    html = {"text/html": {"schema": {"type": "string"}}}
    answers = {"200": {"description": "For people.", "content": html}}
    return _operation("operations", "docs", "This document, to read and to try out", answers)
