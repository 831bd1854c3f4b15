"""The nouns of the OpenAPI document: what bodies look like, and the problems all answers share."""

from __future__ import annotations

from typing import Any

from ..config import Settings

__all__ = ["Json", "problems", "reference", "schemas"]

Json = dict[str, Any]

_TIMESTAMP: Json = {
    "type": "number",
    "description": "Seconds since the epoch; a float64 carries the microseconds exactly.",
    "examples": [1682479141.596086],
}
# A lone surrogate cannot be stored either, but not every dialect of patterns can say so.
_STORABLE = r"^[^\u0000]*$"
# Nor is whitespace a text, in Python's sense of it or in that of JavaScript.
_NOT_BLANK = r"^[^\u0000]*[^\s\u0000\u001C-\u001F\u0085][^\u0000]*$"
_PROBLEMS = {
    400: "Malformed: the JSON, the query or the `Idempotency-Key`.",
    401: "Nobody is signed in, or the token or key is not, or no longer, good.",
    403: "Not for this caller: a foreign origin, a missing scope, somebody else's name.",
    404: "A recipient is not known.",
    405: "The path has no such method; `Allow` names those it has.",
    409: "A request with the same `Idempotency-Key` is being carried out; try again.",
    413: "The request is larger than 2 MB.",
    415: "With a session cookie, the body must be `application/json`.",
    422: "A field cannot be used, or the `Idempotency-Key` was used for another request.",
    500: "The database was not prepared by `flask notifier init-db`.",
    503: "The database cannot serve; nothing was changed, unless `detail` says otherwise.",
}
_RETRY_AFTER: Json = {
    "description": "Seconds until another try makes sense.",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9]+$"},
}
_CHALLENGE: Json = {"required": True, "schema": {"type": "string", "pattern": "^Bearer"}}
_HEADERS: dict[int, Json] = {
    401: {"WWW-Authenticate": _CHALLENGE},
    409: {"Retry-After": _RETRY_AFTER},
    503: {"Retry-After": _RETRY_AFTER},
}


def reference(name: str) -> Json:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def problems() -> Json:
    """The responses that are problems, by the name ``problem<status>``."""
    content = {"application/problem+json": {"schema": reference("Problem")}}
    found: Json = {}
    for status, description in _PROBLEMS.items():
        found[f"problem{status}"] = {"description": description, "content": content}
        if status in _HEADERS:
            found[f"problem{status}"]["headers"] = _HEADERS[status]
    return found


def _object(required: Json, optional: Json | None = None, *, closed: bool = False) -> Json:
    properties = {**required, **(optional or {})}
    schema: Json = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    if closed:
        schema["additionalProperties"] = False
    return schema


def _array(items: Json, **limits: int) -> Json:
    return {"type": "array", "items": items, **limits}


def schemas(settings: Settings) -> Json:
    """Every schema, with the limits of these settings."""
    user = reference("User")
    to = {"oneOf": [user, {"type": "integer", "description": "At most 64 digits."}]}
    recipients = {
        "anyOf": [*to["oneOf"], _array(to, minItems=1, maxItems=settings.max_recipients)],
        "description": "One user, or many; repeats count once.",
    }
    body = {
        "type": "string",
        "minLength": 1,
        "maxLength": settings.max_body,
        "pattern": _NOT_BLANK,
    }
    stored = {"to": user, "timestamp": _TIMESTAMP}
    id: Json = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
    return {
        "User": {
            "type": "string",
            "minLength": 1,
            "maxLength": 64,
            "pattern": _STORABLE,
            "description": "A user's id, as text.",
            "examples": ["alice"],
        },
        "Name": {
            "type": "string",
            "pattern": "^[a-z][a-z0-9_.:-]{0,63}$",
            "not": {"enum": _TAKEN},
            "examples": ["order_status"],
        },
        "Event": _object({"name": {"type": "string"}, "data": {}, "timestamp": _TIMESTAMP}),
        "Message": _object(
            {
                "id": id,
                "from": {"type": ["string", "null"]},
                "to": user,
                "body": {"type": "string"},
                "timestamp": _TIMESTAMP,
                "read": {"type": "boolean"},
            }
        ),
        "Messages": _object({"messages": _array(reference("Message"))}),
        "NewMessage": _object(
            {"to": recipients, "body": body},
            {
                "from": {
                    "oneOf": [user, {"type": "null"}],
                    "description": "With an API key anyone or nobody; a user can only be himself.",
                }
            },
            closed=True,
        ),
        "SentMessages": _object({"messages": _array(_object({"id": id, **stored}))}),
        "NewNotification": _object(
            {
                "to": recipients,
                "name": reference("Name"),
                "data": {
                    "description": f"Any JSON of at most {settings.max_data} bytes.",
                    "examples": ["shipped"],
                },
            },
            closed=True,
        ),
        "SetNotifications": _object(
            {"notifications": _array(_object({**stored, "name": {"type": "string"}}))}
        ),
        "MarkRead": {
            "oneOf": [
                _object(
                    {"up_to": {**_TIMESTAMP, "minimum": 0, "maximum": 4_102_444_800}}, closed=True
                ),
                _object({"ids": _array(id, maxItems=100)}, closed=True),
            ],
        },
        "Unread": _object({"unread": {"type": "integer", "minimum": 0}, "timestamp": _TIMESTAMP}),
        "Health": _object({"status": {"const": "ok"}}),
        "Readiness": _object(
            {
                "status": {"enum": ["ready", "unready"]},
                "database": {"enum": ["ok", "unreachable", "unprepared", "outdated"]},
                "broker": {"enum": ["ok", "unreachable", "none"]},
            },
            {
                "processes": {
                    "const": "several",
                    "description": "There if the server says that it has more than one.",
                }
            },
        ),
        "Problem": {
            **_object(
                {
                    "type": {"type": "string", "format": "uri-reference"},
                    "title": {"type": "string"},
                    "status": {"type": "integer", "minimum": 400, "maximum": 599},
                    "detail": {"type": "string"},
                },
                {"field": {"type": "string", "description": "The field or header to blame."}},
            ),
            "description": "RFC 9457.",
        },
    }


_TAKEN = [
    *("head", "connect", "connect_error", "disconnect", "disconnecting", "newListener"),
    *("removeListener", "message", "error", "unread_message_count"),
]
