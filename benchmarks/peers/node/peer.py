"""Starts the Node service, and installs its packages first if they are missing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
import time
from pathlib import Path

from benchmarks.peers.base import KEY, Peer

FOLDER = Path(__file__).parent
OLDEST = 20
MISSING = (
    "the Node peer needs Node {oldest} or newer with npm on PATH ({found}); install it, or leave "
    "the peer out with --peers notifier,flask-socketio"
)


class Node(Peer):
    """Socket.IO on Node: a primary that accepts, and its workers."""

    name = "node"

    def token(self, user: str) -> str:
        content = json.dumps([user, int(time.time()) + 86_400]).encode()
        payload = _base64(content)
        return f"{payload}.{_base64(hmac.digest(KEY.encode(), payload.encode(), hashlib.sha256))}"

    def start(self) -> None:
        self._spawn([program(), "server.js"], {"NODE_ENV": "production"}, cwd=FOLDER)
        self.wait_ready()


def program() -> str:
    """The path of Node, with the packages installed. Exits with a message if that cannot be."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise SystemExit(MISSING.format(oldest=OLDEST, found="it is not there"))
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().lstrip("v").split(".")[0]) < OLDEST:
        raise SystemExit(MISSING.format(oldest=OLDEST, found=f"this is {version.strip()}"))
    lock, stamp = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=FOLDER, check=True, timeout=300)
    return node


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
