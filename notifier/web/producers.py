"""Sending over HTTP: messages from users and programs, notifications from programs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import flask
import werkzeug.exceptions

from .. import checks, messages
from ..apikeys import ApiKey
from ..idempotency import Idempotency, Request, fingerprint
from ..operations import Operation, Written
from ..stamps import to_seconds
from .bodies import answer, answer_text, fields, spell
from .callers import Callers
from .identity import Caller
from .problems import problem

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["Producers", "notified"]

_KEY = re.compile(r"[\x20-\x7e]{1,255}", re.ASCII)
_KEY_HEADER = "Idempotency-Key"


class Producers:
    """The views that write for others."""

    def __init__(self, notifier: Notifier, callers: Callers) -> None:
        self._notifier = notifier
        self._callers = callers
        self._once = Idempotency(lambda: notifier.store)

    def send(self) -> flask.Response:
        """``POST /api/v1/messages``."""
        caller = self._callers.producer("messages")
        if isinstance(caller, Caller) and self._notifier.settings.users_send == "off":
            raise werkzeug.exceptions.Forbidden("Messages are sent by programs, with an API key.")
        content = fields({"to", "body", "from"}, {"to", "body"})
        sender = content.get("from")
        if isinstance(caller, Caller):
            if "from" in content and sender != caller.user:
                return problem(403, "from: you can only send as yourself", field="from")
            sender = caller.user
        operations = messages.send(self._notifier.settings, content["to"], content["body"], sender)
        return self._write(caller, content, operations, _sent)

    def notify(self) -> flask.Response:
        """``POST /api/v1/notifications``."""
        caller = self._callers.producer("notifications")
        if isinstance(caller, Caller):
            raise werkzeug.exceptions.Forbidden(
                "Notifications are set by programs, with an API key."
            )
        content = fields({"to", "name", "data"}, {"to", "name", "data"})
        name = content["name"]
        operations = messages.notify(self._notifier.settings, content["to"], name, content["data"])
        return self._write(
            caller, content, operations, lambda written: notified(operations, name, written)
        )

    def _write(
        self,
        caller: Caller | ApiKey,
        content: Mapping[str, Any],
        operations: Sequence[Operation],
        told: Callable[[Written], object],
    ) -> flask.Response:
        key = flask.request.environ.get("HTTP_IDEMPOTENCY_KEY")
        if key is not None:
            return self._write_once(caller, key, content, operations, told)
        self._check_known(operations)
        return answer(told(self._notifier.store.commit(operations)), 201)

    def _write_once(
        self,
        caller: Caller | ApiKey,
        key: str,
        content: Mapping[str, Any],
        operations: Sequence[Operation],
        told: Callable[[Written], object],
    ) -> flask.Response:
        if not _KEY.fullmatch(key):
            text = f"{_KEY_HEADER}: must be 1 to 255 printable ASCII characters"
            return problem(400, text, field=_KEY_HEADER)
        request = Request(caller.label, key, fingerprint(flask.request.path, content))
        done = self._once.replay(request)
        if done is None:
            # Only now: who was known when it was carried out need not be any more.
            self._check_known(operations)
            done = self._once.commit(request, operations, 201, lambda written: spell(told(written)))
        response = answer_text(done.text, done.status)
        if done.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response

    def _check_known(self, operations: Sequence[Operation]) -> None:
        checks.known(self._notifier.known, [operation.user for operation in operations])


def _sent(written: Written) -> object:
    return {
        "messages": [
            {"id": one.id, "to": one.user, "timestamp": to_seconds(one.stamp)}
            for one in written.messages
        ]
    }


def notified(operations: Sequence[Operation], name: str, written: Written) -> object:
    """Where each recipient has the value: at its event, or at the head if it was there already."""
    stamps = {event.user: event.stamp for event in written.events if event.name == name}
    return {
        "notifications": [
            {"to": user, "name": name, "timestamp": to_seconds(stamps.get(user, head.stamp))}
            for user, head in ((one.user, written.badges[one.user]) for one in operations)
        ]
    }
