"""The rule with its effects: what it wants is fetched, what it shows goes to the outbox."""

from __future__ import annotations

import random
import threading
import time
from functools import partial
from typing import Any

from ..errors import TokenError
from .catchup import CatchUp, Request
from .complaints import Complaint
from .credentials import Credentials
from .errors import CannotFollow
from .live import Live
from .loop import Loop
from .outbox import Event, Outbox
from .polls import Answer, Busy, fetch
from .rule import Rule
from .schedule import Schedule
from .server import Server
from .timing import FETCH_BACKOFF, GRACE, REVIVED, backoff, spread
from .wire import is_head, is_push

__all__ = ["Driver"]

# The loop never waits for the network, so this is long.
_END_SECONDS = 2.0


class Driver:
    """Everything between the server and the outbox, on a loop of its own."""

    def __init__(self, server: Server, credentials: Credentials, outbox: Outbox) -> None:
        self._server = server
        self._credentials = credentials
        self._outbox = outbox
        self._catch = CatchUp(Rule(changed=self._show))
        self._schedule = Schedule(time.monotonic, random.random)
        self._loop = Loop(self._die)
        self._live = Live(
            server,
            credentials,
            self._loop,
            changed=self._connection_changed,
            received=self._received,
            died=self._die,
        )
        self._complaint = Complaint(
            "The server cannot be asked; will go on trying", "The server answers again"
        )
        self._failures = 0
        self._known = False

    @property
    def state(self) -> str:
        """How changes come: ``live``, ``polling``, or ``offline`` while they do not."""
        if self._live.connected:
            return "live"
        return "polling" if self._known and not self._failures else "offline"

    def start(self) -> None:
        """Begin with everything there is."""
        self._loop.post(self._begin)
        self._loop.start()

    def stop(self) -> None:
        """End every timer and the socket."""
        self._loop.stop(_END_SECONDS)
        self._live.close()

    # -- what happens -------------------------------------------------------------------------

    def _begin(self) -> None:
        self._live.open()
        self._catch.want(full=True)
        self._go_on()

    def _connection_changed(self) -> None:
        self._schedule.change(self._live.connected)
        if self._live.connected:
            # The server is back: what failed while it was away need not wait any longer.
            self._loop.cancel("retry")
        self._go_on()

    def _received(self, name: object, payload: object) -> None:
        # A server that tells us something is back.
        self._loop.hasten("retry", backoff(REVIVED, 0, random.random))
        if name == "head" and is_head(payload):
            self._catch.head(payload["timestamp"])
        elif is_push(payload, name):
            self._catch.push(payload)
        self._go_on()

    def _grace_over(self) -> None:
        self._catch.grace_over()
        self._go_on()

    def _poll_is_due(self) -> None:
        self._catch.want(self._schedule.fire())
        self._go_on()

    def _answered(self, request: Request, answer: Answer) -> None:
        self._failures = 0
        self._known = True
        self._complaint.worked()
        self._live.server_answers()
        self._schedule.pace(answer.interval)
        self._catch.answer(request, answer.events)
        self._go_on()

    def _failed(self, request: Request, error: Exception) -> None:
        if self._is_final(error):
            self._die(error)
            return
        self._complaint.failed(error)
        wait = backoff(FETCH_BACKOFF, self._failures, random.random)
        if isinstance(error, Busy):
            wait = max(wait, spread(error.retry_after, random.random))
        self._failures += 1
        self._catch.failed(request)
        self._loop.after("retry", wait, self._go_on)
        self._go_on()

    def _is_final(self, error: Exception) -> bool:
        """Whether trying again is no use. What was there once is away and may come back."""
        if isinstance(error, CannotFollow):
            return not self._known
        return isinstance(error, TokenError) or not isinstance(error, OSError | ValueError)

    # -- what is to be done -------------------------------------------------------------------

    def _go_on(self) -> None:
        """Do what is due after anything that happened."""
        if self._catch.in_grace and not self._loop.waits_for("grace"):
            self._loop.after("grace", GRACE, self._grace_over)
        if not self._loop.waits_for("retry"):
            self._ask()
        self._loop.after("poll", self._schedule.delay(), self._poll_is_due)

    def _ask(self) -> None:
        """Every request passes here, so that none leaves while failures make us wait."""
        request = self._catch.begin()
        if request is not None:
            self._schedule.asked(request.full)
            fetching = partial(self._fetch, request)
            threading.Thread(target=fetching, name="notifier-poll", daemon=True).start()

    def _fetch(self, request: Request) -> None:
        try:
            happened: Any = partial(self._answered, request, self._answer_to(request))
        except Exception as error:  # noqa: BLE001 -- judged on the loop's thread
            happened = partial(self._failed, request, error)
        self._loop.post(happened)

    def _answer_to(self, request: Request) -> Answer:
        while True:
            token = self._credentials.current()
            try:
                answer = fetch(self._server, request.since, token)
            except TokenError as error:
                self._credentials.refused(token, error)
            else:
                self._credentials.accepted(token)
                return answer

    def _show(self, name: str, data: Any, timestamp: float) -> None:
        self._outbox.put(Event(name, data, timestamp))

    def _die(self, error: BaseException) -> None:
        self._outbox.close(error)
        self.stop()
