"""The notifier behind its own gunicorn worker, with the repository's configuration."""

from __future__ import annotations

import sys

from benchmarks.figures import OURS
from benchmarks.peers.base import KEY, Peer
from notifier.web.tokens import Tokens


class Ours(Peer):
    """The notifier, one gunicorn master and its workers."""

    name = OURS
    tells_head = True

    def token(self, user: str) -> str:
        return Tokens([KEY], 86_400).make(user)

    def start(self) -> None:
        env = {
            "NOTIFIER_PING_INTERVAL": self._settings["PING_INTERVAL"],
            # The room of the benchmark is one user with many sockets.
            "NOTIFIER_SOCKETS_PER_USER": "20000",
        }
        command = (sys.executable, "-m", "gunicorn", "-c", "benchmarks/peers/ours/gunicorn.conf.py")
        self._spawn([*command, "benchmarks.peers.ours.app:app"], env)
        self.wait_ready()
