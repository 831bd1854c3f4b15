"""A listening socket as eventlet's accept loop should see it.

Import this only after monkey-patching: it imports eventlet.
"""

from __future__ import annotations

import errno
import itertools
import random
from typing import Any

import eventlet
from eventlet import greenio, hubs

from .serverlog import ServerLog

__all__ = ["Listener", "StopAccepting"]

# All workers wake for a client, and without a pause the same one wins nearly every time: of 200
# clients that came one by one 178 and 22, and WebSockets stay where they are. So each waits for
# up to this long before it tries, and once more if it won the last time. That makes it about
# even, also when other programs keep the processors busy.
FAIR_DRAW = 0.001  # seconds
FAIR_BATCH = 8  # clients of a crowd that one worker takes before it lets others try

# A process that is out of these gets them back when some connection ends.
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_BACK_OFF = 0.1  # seconds


class StopAccepting(Exception):
    """Thrown into an accept loop that waits for clients."""


class Listener:
    """What eventlet's accept loop sees of a listening socket.

    ``accept`` outlives a shortage of descriptors, leaves clients to other workers while this one
    is full, and after ``close`` holds the loop until ``end``: leaving the loop is what makes
    eventlet cut the connections that are open.
    """

    def __init__(self, sock: Any, pool: eventlet.GreenPool, log: ServerLog, *, alone: bool) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._draw = 0.0 if alone else FAIR_DRAW
        self._pool = pool
        self._log = log
        self._serial = itertools.count(1)
        self._won = False
        self._taken = 0
        self._ended = eventlet.Event()
        self.family = sock.family
        self.getsockname = sock.getsockname

    def accept(self) -> tuple[Any, Any]:
        """Wait for the next client. Raises OSError (ESHUTDOWN) after ``end``."""
        try:
            # Those who are here already wait for an answer.
            eventlet.sleep(0 if self._taken % FAIR_BATCH else self._draw)
            return self._next_client()
        except StopAccepting:
            self._ended.wait()
            raise OSError(errno.ESHUTDOWN, "no longer accepting") from None

    def close(self) -> None:
        """Free the address as far as this process holds it."""
        self._sock.close()

    def end(self) -> None:
        """Let the accept loop go."""
        if not self._ended.ready():
            self._ended.send(None)

    def _next_client(self) -> tuple[Any, Any]:
        tried = False
        while True:
            self._wait_for_room()
            try:
                client, address = self._sock.accept()
            except BlockingIOError:
                self._won = self._won and not tried
                self._wait_for_turn()
                tried = True
            except OSError as error:
                self._back_off(error)
            else:
                self._won = True
                self._taken += 1
                # Clients of a unix socket have no address, but eventlet needs distinct ones.
                address = address or f"unix:{next(self._serial)}"
                return greenio.GreenSocket(client), address

    def _wait_for_turn(self) -> None:
        hubs.trampoline(self._sock, read=True)
        eventlet.sleep((self._won + random.random()) * self._draw)

    def _wait_for_room(self) -> None:
        while self._pool.free() <= 0:
            self._log.once(
                "full", "all %d connections of this worker are taken; others wait", self._pool.size
            )
            eventlet.sleep(_BACK_OFF)

    def _back_off(self, error: OSError) -> None:
        if error.errno in _EXHAUSTED:
            self._log.once("exhausted", "cannot accept clients: %s; raise `ulimit -n`", error)
        else:
            self._log.once(f"accept {error.errno}", "a client could not be accepted: %s", error)
        eventlet.sleep(_BACK_OFF)
