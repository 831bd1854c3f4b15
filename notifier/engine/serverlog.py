"""eventlet's one log, sorted into gunicorn's two: what went wrong, and who asked for what."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["ServerLog"]

_ACCESS = "access "
_ACCESS_FORMAT = (
    '%(client_ip)s - - [%(date_time)s] "%(request_line)s" %(status_code)s %(body_length)s'
    " %(wall_seconds).6f"
)
# A request line may carry escape sequences for the terminal of whoever reads the log.
_CONTROL = {code: f"\\x{code:02x}" for code in [*range(32), *range(127, 160)]}


class ServerLog:
    """The log object of ``eventlet.wsgi.server``. ``log`` is gunicorn's logger."""

    def __init__(self, log: Any, *, access: bool) -> None:
        self._log = log
        self._said: set[str] = set()
        # eventlet writes one line for each request; an empty format makes an empty line.
        self.format = _ACCESS + _ACCESS_FORMAT if access else ""

    def info(self, message: str, *args: Any) -> None:
        """Take a line of eventlet: of a request, or the traceback of the exception handled now."""
        if not message:
            return
        if message.startswith(_ACCESS):
            self._log.access_log.info(message.removeprefix(_ACCESS).translate(_CONTROL))
        elif message.startswith("Traceback ") and (error := sys.exc_info()[1]) is not None:
            self.failure(error)
        else:
            self._log.debug(message, *args)

    def debug(self, message: str, *args: Any) -> None:
        """Take a detail for debugging."""
        self._log.debug(message, *args)

    error = debug  # eventlet's errors are faults in what a client sent

    def failure(self, error: BaseException) -> None:
        """Note that the application failed, or that the client left while it answered."""
        if isinstance(error, OSError):
            self._log.debug("a client left while being answered: %r", error)
        else:
            self._log.error("the application failed", exc_info=error)

    def client_gone(self, address: Any, error: BaseException) -> None:
        """Note that a connection ended in the middle of something, which is a client's right."""
        self._log.debug("the connection of %s ended: %r", address, error)

    def bad_socket(self, address: Any, error: BaseException) -> None:
        """Note the exception that ended a WebSocket: most often the client broke the rules."""
        self._log.debug("a WebSocket failed", exc_info=error)
        self._log.warning("the WebSocket of %s ended: %r", address, error)

    def once(self, topic: str, message: str, *args: Any) -> None:
        """Warn once of what stays true for long."""
        if topic not in self._said:
            self._said.add(topic)
            self._log.warning(message, *args)
