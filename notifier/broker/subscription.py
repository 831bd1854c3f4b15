"""Receiving from Redis: the channels of the users who have a socket on this worker."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from redis.exceptions import RedisError

from ..chunks import chunks
from ..publisher import Receiver
from .channels import PLAIN, Requested, Verbs
from .connection import Link
from .probe import PROBE_SECONDS, Probe
from .wire import Strangers, Wire, decode_event, decode_users

__all__ = ["Subscription"]

log = logging.getLogger("notifier.broker")

_RETRY_SECONDS = (0.1, 1.0)
# A page change leaves and joins within a second or two; it should cost no exchange.
_LINGER_SECONDS = 10.0


class _Silence(ConnectionError):
    """The connection seems to stand, and nothing comes."""


class Subscription:
    """One connection that is subscribed to the channel of every local user.

    ``connect`` makes a connection to Redis, ``receive`` takes the events, ``probe`` tells whether
    anything still arrives, and ``requested`` is told when someone must be swept: everyone, when all
    wanted channels are acknowledged again after a loss. ``control`` says whether the control
    channel is to be heard here. The connection is read by one thread and
    written under a lock; a loss is answered with a new connection after 0.1 to 1 s, for ever.
    """

    def __init__(
        self,
        connect: Callable[[], Link],
        wire: Wire,
        probe: Probe,
        receive: Receiver,
        requested: Requested,
        verbs: Verbs = PLAIN,
        control: Callable[[], bool] = lambda: True,
    ) -> None:
        self._connect = connect
        self._verbs = verbs
        self._control = control
        self._wire = wire
        self._probe = probe
        self._receive = receive
        self._requested = requested
        self._state = threading.Condition()
        self._link: Link | None = None
        self._wanted: set[str] = set()
        self._leaving: dict[str, float] = {}
        self._acknowledged: set[str] = set()
        self._unsubscribing: set[str] = set()
        self._broken = False
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        self._lost_at: float | None = None
        self.ready = False
        self._cause = "start"
        self._strangers = Strangers()
        self.resyncs = 0
        self.causes: Counter[str] = Counter()

    @property
    def round_trip(self) -> float | None:
        """Seconds that the last probe took, None before the first."""
        return self._probe.round_trip

    @property
    def rejected(self) -> int:
        """How many publications were not ours."""
        return self._strangers.count

    def start(self) -> None:
        """Begin to connect, in the background. Repeats are harmless."""
        with self._state:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="subscription", daemon=True)
                self._thread.start()

    def wait_ready(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds until every wanted channel is acknowledged."""
        with self._state:
            return self._state.wait_for(lambda: self.ready, timeout)

    def join(self, user: str) -> None:
        """Want ``user``'s events."""
        with self._state:
            self._leaving.pop(user, None)
            if user not in self._wanted:
                self._wanted.add(user)
                self._send(self._verbs.subscribe, [user])

    def wait_joined(self, user: str, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds for the acknowledgement of ``user``'s channel.

        Returns False at once while there is no connection to wait for.
        """
        with self._state:
            self._state.wait_for(lambda: user in self._acknowledged or self._link is None, timeout)
            return user in self._acknowledged

    def leave(self, user: str) -> None:
        """Stop wanting ``user``'s events, a little later."""
        with self._state:
            self._leaving[user] = time.monotonic() + _LINGER_SECONDS

    def forget(self, user: str) -> None:
        """Stop wanting ``user``'s events now: the channel is elsewhere."""
        with self._state:
            self._leaving.pop(user, None)
            self._wanted.discard(user)
            self._acknowledged.discard(user)

    def close(self, timeout: float) -> None:
        """End the connection and the thread."""
        self._closed.set()
        with self._state:
            self._wake_reader()
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._live()
            except (RedisError, OSError) as error:
                self._lose(error)
            except Exception as error:
                # Whatever it was, a worker without a subscription is deaf: begin anew.
                log.exception("The subscription failed in an unexpected way")
                self._lose(error)
            finally:
                self._disconnect()
            self._closed.wait(random.uniform(*_RETRY_SECONDS))

    def _live(self) -> None:
        """One connection, from connecting to its end."""
        link = self._connect()
        with self._state:
            self._link = link
            self._broken = False
            link.write(self._verbs.subscribe, self._probe.channel)
            if self._control():
                link.write(self._verbs.subscribe, self._wire.control)
            self._send(self._verbs.subscribe, sorted(self._wanted))
        self._probe.begin()
        while not self._closed.is_set():
            silent = self._probe.silent()
            # What is here already is read first: it may be what was missed, only late.
            message = link.read(0 if silent else PROBE_SECONDS)
            if message is not None:
                self._take(message)
            if self._broken or (message is None and silent):
                raise _Silence("what is published does not arrive")
            if self._probe.tick():
                self._unsubscribe_left()
                # A connection can deliver and no longer hear a SUBSCRIBE.
                with self._state:
                    link.write("PING")

    def _disconnect(self) -> None:
        with self._state:
            if self._link is not None:
                self._link.close()
            self._link = None
            self._acknowledged = set()
            self._unsubscribing = set()
            self.ready = False
            self._state.notify_all()

    def _lose(self, error: Exception) -> None:
        if self._lost_at is None:
            self._lost_at = time.monotonic()
            self._cause = "silent" if isinstance(error, _Silence) else "lost"
            log.warning(
                "No subscription to Redis (%s); pages follow by the sweep and by polling until "
                "it is back. Check REDIS_URL and the server.",
                error,
            )

    def _send(self, command: str, users: Sequence[str]) -> None:
        """Write a command about the users' channels, if there is a connection to write it to."""
        if self._link is None:
            return
        channels = [self._wire.channel(user) for user in users]
        try:
            for some in chunks(channels, self._verbs.at_once):
                self._link.write(command, *some)
        except (RedisError, OSError) as error:
            # The reader owns the connection: it notices, and connects anew with all channels.
            self._broken = True
            log.debug("Writing to Redis failed: %s", error)

    def _wake_reader(self) -> None:
        """Make Redis say something, so that the reader need not wait for its timeout."""
        if self._link is not None:
            with contextlib.suppress(RedisError, OSError):
                self._link.write("PING")

    def _unsubscribe_left(self) -> None:
        now = time.monotonic()
        with self._state:
            gone = [user for user, at in self._leaving.items() if at <= now]
            for user in gone:
                del self._leaving[user]
            self._wanted.difference_update(gone)
            self._acknowledged.difference_update(gone)
            self._unsubscribing.update(gone)
            self._send(self._verbs.unsubscribe, gone)

    def _take(self, message: Any) -> None:
        kind, channel = message[0], message[1]
        if kind == self._verbs.message:
            self._open(channel, message[2])
        elif kind == self._verbs.subscribed:
            self._acknowledge(self._wire.user_of(channel))
        elif kind == b"pong":
            self._probe.answered()
        elif kind == self._verbs.unsubscribed:
            self._unsubscribed(self._wire.user_of(channel))

    def _unsubscribed(self, user: str | None) -> None:
        with self._state:
            if user in self._unsubscribing:
                self._unsubscribing.discard(user)
            elif user in self._wanted:
                raise ConnectionError("a channel has moved to another node")

    def _acknowledge(self, user: str | None) -> None:
        with self._state:
            if user is not None:
                self._acknowledged.add(user)
            complete = not self.ready and self._wanted <= self._acknowledged
            self.ready = self.ready or complete
            self._state.notify_all()
        if complete:
            self._report_recovery()
            self.resyncs += 1
            self.causes[self._cause] += 1
            self._requested(None)

    def _report_recovery(self) -> None:
        if self._lost_at is not None:
            log.warning(
                "Subscribed to Redis again after %.1f s; asking the database what was missed",
                time.monotonic() - self._lost_at,
            )
            self._lost_at = None

    def _open(self, channel: bytes, payload: bytes) -> None:
        try:
            content = self._wire.unseal(channel, payload)
            user = self._wire.user_of(channel)
            if user is not None:
                self._receive([decode_event(user, content)])
            elif channel == self._wire.control.encode():
                self._requested(decode_users(content))
                self.causes["asked"] += 1
            else:
                self._probe.hear(content)
                self._acknowledge(None)
        except ValueError as error:
            self._strangers.turn_away(channel, error)
