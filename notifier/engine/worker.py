"""The gunicorn worker: one process, one thread, a green thread for each connection.

gunicorn 26 dropped its own eventlet worker. The arbiter imports this module, so it must not
import eventlet, Flask or SQLAlchemy: sockets and locks are patched in the worker, before the
application is loaded.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING, Any

from gunicorn.sock import ssl_context
from gunicorn.workers.base import Worker

from .appstop import find_notifier, lacking_for, stop_notifier
from .modes import detect_async_mode
from .patching import patch

if TYPE_CHECKING:
    from .server import Server

__all__ = ["EventletWorker"]

HEARTBEAT = 1.0  # seconds; gunicorn kills a worker that is silent for its `timeout`, 30 s
QUICK_STOP = 1.0  # seconds for what an interrupted worker still has to publish
# gunicorn kills a worker `graceful_timeout` after asking it to stop. It should end by itself,
# so this part of the time (seconds, or a fifth if that is less) is left unused.
STOP_MARGIN = 1.0
BOOT_ERROR = 3  # gunicorn ends on this status instead of starting the worker again
GC_THRESHOLDS = (50_000, 20, 100)
SPARE_FILES = 512  # descriptors besides the connections: databases, Redis, logs


class EventletWorker(Worker):  # type: ignore[misc]
    """Serves HTTP and WebSockets on eventlet; ``worker_class`` in ``gunicorn.conf.py``.

    It looks for the notifier of the application (``app.extensions["notifier"]``), starts it
    before the first connection is accepted and stops it when the last request was answered.
    """

    # Longest wait for one read or write of an HTTP request, in seconds. A client this slow holds
    # memory, no thread, so the value is generous.
    socket_timeout = 60.0

    # A pipe with one byte for all workers of a server: whoever takes it speaks for them.
    _word = -1

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        """Refuse what cannot work; gunicorn's arbiter asks. Exits with status 1."""
        if cfg.preload_app:
            sys.exit("notifier: preload_app loads the app before sockets are patched; turn it off")
        cls._word, writer = os.pipe()
        os.write(writer, b".")
        os.close(writer)

    def init_process(self) -> None:
        """Patch first, then let gunicorn load the application and call ``run``."""
        self._quick = self._reopen_logs = False
        self._notifier: Any = None
        # Until gunicorn installs these the arbiter's are in place, which would lose the signal.
        signal.signal(signal.SIGTERM, self.handle_exit)
        signal.signal(signal.SIGQUIT, self.handle_quit)
        signal.signal(signal.SIGINT, self.handle_quit)
        patch()
        if detect_async_mode() != "eventlet":
            self.log.critical(
                "Flask was imported before the worker began, so sockets would block;"
                " look for the import in gunicorn.conf.py"
            )
            sys.exit(BOOT_ERROR)
        self._allow_open_files()
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application and bring its notifier up: from ``run`` on, clients connect."""
        super().load_wsgi()
        self._notifier = find_notifier(self.wsgi)
        if self._notifier is not None:
            self._notifier.start()
            self._complain(lacking_for(self.cfg.workers, self._notifier))
        _spare_what_stays()

    def _complain(self, problems: list[str]) -> None:
        """Log what every worker finds wrong, in one of them."""
        if problems and (self._word < 0 or os.read(self._word, 1)):
            for problem in problems:
                self.log.error(problem)

    def run(self) -> None:
        """Serve until a signal, the end of the arbiter or ``max_requests``."""
        import eventlet

        heartbeat = eventlet.spawn(self._beat)
        server = self._listen()
        while self.alive:
            self._wait_for_signal()
            if self._reopen_logs:
                self._reopen_logs = False
                self.log.reopen_files()
        self._stop(server)
        heartbeat.kill()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: stop when the running requests are answered."""
        self.alive = False

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        """SIGQUIT, SIGINT: stop now.

        A signal handler may run inside eventlet's hub, where nothing may wait, so this one and
        the others only leave a note for ``run``.
        """
        self.alive = False
        self._quick = True

    def handle_usr1(self, sig: int, frame: FrameType | None) -> None:
        """SIGUSR1: reopen the log files."""
        self._reopen_logs = True

    def handle_abort(self, sig: int, frame: FrameType | None) -> None:
        """SIGABRT: gunicorn has missed the heartbeat. Say what held the worker up, and go."""
        faulthandler.dump_traceback(sys.stderr, all_threads=False)
        self.cfg.worker_abort(self)
        os._exit(1)

    def _allow_open_files(self) -> None:
        import resource

        wanted = self.cfg.worker_connections + SPARE_FILES
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(allowed, soft), hard))
        except (OSError, ValueError) as error:  # macOS has a lower limit that it does not tell
            self.log.debug("%d open files are allowed, %d wanted: %s", soft, wanted, error)

    def _listen(self) -> Server:
        from eventlet.green import socket

        from .server import Server
        from .serverlog import ServerLog

        server = Server(
            self._counted if self.cfg.max_requests else self.wsgi,
            log=ServerLog(self.log, access=bool(self.cfg.accesslog)),
            connections=self.cfg.worker_connections,
            keepalive=self.cfg.keepalive,
            socket_timeout=self.socket_timeout,
            alone=self.cfg.workers == 1,
            tls=ssl_context(self.cfg) if self.cfg.is_ssl else None,
        )
        for one in self.sockets:
            server.listen(socket.socket(one.FAMILY, socket.SOCK_STREAM, 0, one.sock.detach()))
        return server

    def _counted(self, environ: dict[str, Any], start_response: Any) -> Any:
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("%d requests served: making room for a new worker", self.nr)
            self._end()
        return self.wsgi(environ, start_response)

    def _beat(self) -> None:
        import eventlet

        while True:
            self.notify()
            if self.alive and self.ppid != os.getppid():
                self.log.info("the arbiter is gone: stopping")
                self._end()
            eventlet.sleep(HEARTBEAT)

    def _end(self) -> None:
        self.alive = False
        os.write(self.PIPE[1], b".")

    def _wait_for_signal(self) -> None:
        """Sleep until a signal has arrived.

        Python writes a byte into gunicorn's pipe for each (``set_wakeup_fd``), which wakes the
        hub; a flag alone would not.
        """
        from eventlet import Timeout, hubs

        with Timeout(HEARTBEAT, False):
            hubs.trampoline(self.PIPE[0], read=True)
            os.read(self.PIPE[0], 4096)

    def _stop(self, server: Server) -> None:
        if self._quick:
            self.cfg.worker_int(self)
        patience = max(self.cfg.graceful_timeout - STOP_MARGIN, self.cfg.graceful_timeout * 0.8)
        deadline = time.monotonic() + (QUICK_STOP if self._quick else patience)
        server.pause()
        # The notifier comes last, because requests that end now still have news to publish.
        reserve = min(5.0, patience / 3)
        running = server.drain(
            0 if self._quick else patience - reserve, hurry=lambda: bool(self._quick)
        )
        if running:
            self.log.warning("stopping with %d requests unanswered", running)
        if self._quick:
            deadline = min(deadline, time.monotonic() + QUICK_STOP)
        stop_notifier(self._notifier, max(deadline - time.monotonic(), 0.1), self.log)
        server.close(deadline - time.monotonic())


def _spare_what_stays() -> None:
    """Let the garbage collector look at what is new, and less often.

    By default it starts over after 700 new objects, which a single request makes, and now and
    then walks everything that was loaded.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
