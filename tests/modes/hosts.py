"""A gunicorn with the host, in one of the modes, and a script that writes to the same database."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

import requests

from notifier import Notifier
from notifier.apikeys import ApiKeys
from notifier.models import UNREAD
from tests.engine.served import WebSocket
from tests.listener import Listener
from tests.services.process import Process, Reaper
from tests.services.server import SECRET_KEY, clean_environment
from tests.support import ROOT, free_port, wait_until

MODES = {
    "eventlet": ["-k", "notifier.engine.worker.EventletWorker"],
    "gevent": ["-k", "gevent"],
    # A thread for each socket that is open, and for each request.
    "threading": ["-k", "gthread", "--threads", "40"],
}

QUICK = {
    "NOTIFIER_NAMESPACE": "/",
    "NOTIFIER_TRANSPORTS": "websocket,polling",
    "NOTIFIER_CONNECT_TIMEOUT": "0.3",
    "NOTIFIER_SWEEP_INTERVAL": "0.3",
    "NOTIFIER_BROKER_TIMEOUT": "0.5",
}


class Host:
    """``socketio`` is whose Socket.IO it is: ``own``, the notifier's, or ``host``."""

    def __init__(
        self,
        mode: str,
        folder: Path,
        reaper: Reaper,
        redis_url: str,
        *,
        database: str = "",
        socketio: str = "own",
        workers: int = 1,
    ) -> None:
        self.mode = mode
        self.socketio = socketio
        self.database = database or f"sqlite:///{folder}/host.db"
        self.redis_url = redis_url
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.script = Notifier.from_url(self.database, redis_url, SECRET_KEY=SECRET_KEY)
        self.script.create_tables()
        settings = {"DATABASE_URL": self.database, "REDIS_URL": redis_url, "MODE": mode}
        settings |= {"SECRET_KEY": SECRET_KEY, "SOCKETIO": socketio, **QUICK}
        command = [sys.executable, "-m", "gunicorn", *MODES[mode], "-b", f"127.0.0.1:{port}"]
        command += ["-c", "tests/modes/gunicorn.conf.py", "--graceful-timeout", "5"]
        self.process = Process(
            [*command, "--workers", str(workers), "tests.modes.served:app"],
            reaper=reaper,
            log=folder / "host.log",
            env=clean_environment(**settings),
            cwd=ROOT,
        )
        self.first: dict[str, Any] = {}
        wait_until(lambda: not self.process.running or self._answers(), 60, "the host answers")
        assert self.process.running, self.process.output()

    def _answers(self) -> bool:
        self.first = self.about()
        return bool(self.first)

    def close(self) -> None:
        self.process.kill()
        self.script.stop(1)
        self.script.engine.dispose()

    def about(self) -> dict[str, Any]:
        try:
            answer = requests.get(f"{self.url}/about", timeout=10)
        except requests.RequestException:
            return {}
        return dict(answer.json())

    # -- users ----------------------------------------------------------------------------

    def bearer(self, user: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.script.token(user)}"}

    def key(self) -> dict[str, str]:
        made = ApiKeys(lambda: self.script.engine).make("tests")
        return {"Authorization": f"Bearer {made}"}

    def browser(self, user: str) -> requests.Session:
        """A browser in which the user is signed in."""
        browser = requests.Session()
        browser.post(f"{self.url}/sign-in/{user}", timeout=20).raise_for_status()
        return browser

    def listen(self, user: str, **options: Any) -> Listener:
        """A live client of the user's, which has been told its head."""
        listener = Listener(self.url, self.script.token(user), **options)
        wait_until(lambda: listener.received, 20, "the head")
        return listener

    def poll(self, user: str, since: float = 0) -> dict[str, Any]:
        """What a poll brings: the data of each name."""
        answer = requests.get(
            f"{self.url}/notifications",
            params={"since": repr(since)},
            headers=self.bearer(user),
            timeout=20,
        )
        assert answer.status_code == 200, answer.text
        return {event["name"]: event["data"] for event in answer.json()}

    def badge(self, user: str) -> int:
        return int(self.poll(user).get(UNREAD, 0))

    # -- writing --------------------------------------------------------------------------

    def notify(self, user: str, name: str, data: object) -> None:
        """Commit a notification in this process, which serves nobody."""
        with self.script.transaction():
            self.script.notify(user, name, data)

    def post(
        self, body: dict[str, Any], headers: dict[str, str], path: str = ""
    ) -> requests.Response:
        """Post to the messages of the API. A server that keeps us waiting raises."""
        return requests.post(
            f"{self.url}/api/v1/messages{path}", json=body, headers=headers, timeout=8
        )


def pushed(listener: Listener, name: str) -> list[Any]:
    """The data of the pushes of that name, in the order in which they came."""
    return [event["data"] for pushed_name, event in list(listener.received) if pushed_name == name]


def connect(host: Host, user: str, receive_buffer: int = 0) -> WebSocket:
    """A client that is connected and reads only what it is asked for from then on."""
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", int(host.url.rpartition(":")[2])))
    client = WebSocket(connection)
    client.receive()
    client.send(b"40" + json.dumps({"token": host.script.token(user)}).encode())
    while not (packet := client.receive()).startswith(b"40"):
        assert packet.startswith(b"42"), packet
    return client
