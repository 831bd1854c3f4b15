"""A client in the process of the test: the client rule, pushed to by hand, polling the app."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import flask

from ..client.catchup import CatchUp
from ..client.outbox import Event as Shown
from ..client.rule import UNREAD, Json, Rule
from ..operations import Event

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["Follower"]


class Follower:
    """Follows a user as a page or a program does, without a socket and without waiting.

    It begins with a poll through the app, by token; then each event is pushed to it the moment
    it is notified. ``events`` is everything it showed.
    """

    def __init__(
        self, notifier: Notifier, user: str, recorded: Callable[[str], list[Event]]
    ) -> None:
        self.user = user
        self.events: list[Shown] = []
        self._notifier = notifier
        self._recorded = recorded
        self._catch = CatchUp(Rule(changed=self._show))
        self._catch.want(full=True)
        self._catch_up()

    @property
    def badge(self) -> int:
        """The unread count that it shows."""
        return int(self.value(UNREAD) or 0)

    def value(self, name: str) -> Any:
        """What it shows for ``name``; None if nothing."""
        self._catch_up()
        return self._catch.rule.values.get(name, (0.0, None))[1]

    def receive(self, events: Sequence[Event]) -> None:
        """Events are pushed; those of others are not for us."""
        for event in events:
            if event.user == self.user:
                self._catch.push(event.pushed())

    def _catch_up(self) -> None:
        """Time does not pass here: a grace is over at once."""
        if self._catch.in_grace:
            self._catch.grace_over()
        while (request := self._catch.begin()) is not None:
            self._catch.answer(request, self._poll(request.since))

    def _poll(self, since: float) -> list[Json]:
        """The answer as the test's own transaction has it, which the app may not see."""
        rows = {event["name"]: event for event in self._asked()}
        for event in self._recorded(self.user):
            polled = event.polled()
            if polled["timestamp"] > rows.get(event.name, {"timestamp": 0.0})["timestamp"]:
                rows[event.name] = polled
        answer = sorted(rows.values(), key=lambda event: float(event["timestamp"]))
        return [event for event in answer if event["timestamp"] > since]

    def _asked(self) -> list[Json]:
        """Everything, as ``GET /notifications`` answers it."""
        notifier, app = self._notifier, self._notifier.app
        if app is None:
            return [event.polled() for event in notifier.since(self.user)]
        with app.test_request_context():
            whole = flask.url_for(f"{notifier.blueprints[0].name}.poll")
            below = whole.removeprefix(flask.request.root_path.rstrip("/"))
        client = app.test_client(use_cookies=False)
        bearer = {"Authorization": f"Bearer {notifier.token(self.user)}"}
        # Flask's client adds APPLICATION_ROOT, but not where middleware mounts the app there.
        answer = client.get(below, headers=bearer)
        if answer.status_code == 404:
            answer = client.get(whole, headers=bearer)
        assert answer.status_code == 200, f"GET {whole} as {self.user}: {answer.status}"
        found: list[Json] = answer.get_json()
        return found

    def _show(self, name: str, data: Any, timestamp: float) -> None:
        self.events.append(Shown(name, data, timestamp))
