"""What a connection costs in memory and a delivery in CPU, on both transports, in one run.

    .venv/bin/python -m benchmarks.transports [--sockets 1000] [--events 200] [--rounds 3]

The worker is a process of its own and is all that is measured: its resident memory before and
after the sockets connected, and its CPU time while it emits to a room of all of them. This
process reads. The transports take turns, and the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import os
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

TRANSPORTS = ("stock", "lean")

HANDSHAKE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
JOIN = b"\x81\x82\0\0\0\x0040"
EVENT = b'42["unread_message_count"'


@dataclass
class Cost:
    """Of one transport in one round."""

    kilobytes: float  # per connection
    microseconds: float  # of CPU per delivery
    connect: float  # microseconds of CPU per connection made


class Worker:
    """gunicorn with one worker."""

    def __init__(self, transport: str) -> None:
        self.port = free_port()
        address = f"127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "-c", "benchmarks/gunicorn.conf.py"),
                *("-b", address, "benchmarks.transport_app:app"),
            ],
            env=os.environ | {"TRANSPORT": transport},
        )
        self.wait_ready()
        (self.worker,) = psutil.Process(self.process.pid).children()

    def wait_ready(self) -> None:
        while True:
            try:
                self.get("/sockets")
            except OSError:
                time.sleep(0.05)
            else:
                return

    def get(self, path: str) -> str:
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=600) as answer:
            return str(answer.read().decode())

    def cpu(self) -> float:
        times = self.worker.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> int:
        return int(self.worker.memory_info().rss)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class Readers:
    """Sockets of one room, read in a thread; `seen` counts the events of all of them."""

    def __init__(self, port: int, count: int) -> None:
        self.seen = 0
        self._selector = selectors.DefaultSelector()
        self._sockets = [self._connect(port) for _ in range(count)]
        self._closing = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _connect(self, port: int) -> socket.socket:
        one = socket.create_connection(("127.0.0.1", port))
        one.sendall(HANDSHAKE)
        received = b""
        while b'"sid"' not in received:
            received += one.recv(4096)
        one.sendall(JOIN)
        while b"40{" not in received:
            received += one.recv(4096)
        self._selector.register(one, selectors.EVENT_READ)
        return one

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select(0.1):
                # An event that is cut in two is counted where its name is whole; none is lost
                # in the sum, since heads are far shorter than what is read at once.
                self.seen += key.fileobj.recv(262_144).count(EVENT)  # type: ignore[union-attr]

    def close(self) -> None:
        self._closing = True
        self._thread.join()
        for one in self._sockets:
            one.close()


def measure(transport: str, sockets: int, events: int) -> Cost:
    with running(transport) as worker:
        warm_up(worker)
        memory, cpu = worker.memory(), worker.cpu()
        readers = Readers(worker.port, sockets)
        connect = (worker.cpu() - cpu) / sockets
        kilobytes = (worker.memory() - memory) / sockets / 1024
        worker.get("/emit?count=5&rest=0.02")
        wait_for(readers, 5 * sockets)
        cpu = worker.cpu()
        worker.get(f"/emit?count={events}&rest=0.02")
        wait_for(readers, (5 + events) * sockets)
        delivery = (worker.cpu() - cpu) / (events * sockets)
        readers.close()
    return Cost(kilobytes, delivery * 1e6, connect * 1e6)


def warm_up(worker: Worker) -> None:
    readers = Readers(worker.port, 50)
    worker.get("/emit?count=5&rest=0.02")
    readers.close()
    while worker.get("/sockets") != "0":
        time.sleep(0.05)


def wait_for(readers: Readers, events: int) -> None:
    deadline = time.monotonic() + 120
    while readers.seen < events:
        if time.monotonic() > deadline:
            readers.close()
            sys.exit(f"only {readers.seen} of {events} events arrived")
        time.sleep(0.01)


@contextmanager
def running(transport: str) -> Iterator[Worker]:
    worker = Worker(transport)
    try:
        yield worker
    finally:
        worker.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(options.sockets + 500, most), most))
    costs: dict[str, list[Cost]] = {name: [] for name in TRANSPORTS}
    for _ in range(options.rounds):
        for name in TRANSPORTS:
            costs[name].append(measure(name, options.sockets, options.events))
    print(f"\n{options.sockets} sockets in one room, medians of {options.rounds} rounds\n")
    print("| transport | KB per connection | CPU per delivery, µs | CPU per connect, µs |")
    print("| --- | --- | --- | --- |")
    for name, found in costs.items():
        middle = [
            statistics.median(getattr(one, field) for one in found)
            for field in ("kilobytes", "microseconds", "connect")
        ]
        print(f"| {name} | {middle[0]:.1f} | {middle[1]:.2f} | {middle[2]:.0f} |")


if __name__ == "__main__":
    main()
