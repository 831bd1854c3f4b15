"""What every workload needs: the services, the generator, the peers, and how large to be."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import OURS
from benchmarks.load.driver import TOO_BUSY, Called, Load
from benchmarks.peers.base import Peer
from benchmarks.peers.node.peer import Node
from benchmarks.peers.ours.peer import Ours
from benchmarks.peers.stock.peer import Stock
from benchmarks.profiles import profiled, shares_table
from benchmarks.stack import Stack

PEERS: dict[str, type[Peer]] = {peer.name: peer for peer in (Ours, Node, Stock)}
BODY = "x" * 100
CONNECT_SECONDS = 60.0


@dataclass
class Bench:
    """One run. ``quick`` is for seeing that everything works, not for figures.

    With a folder for ``profiles`` one of our workers is sampled meanwhile, which makes it slower.
    """

    stack: Stack
    peers: Sequence[type[Peer]]
    quick: bool
    profiles: Path | None = None

    def size(self, full: int, quick: int) -> int:
        """A number that is smaller in a quick run."""
        return quick if self.quick else full

    @contextmanager
    def served(
        self,
        kind: type[Peer],
        *,
        workers: int = 2,
        inboxes: int,
        ping: float = 25.0,
        database: str | None = None,
    ) -> Iterator[Served]:
        """One peer on a database with ``inboxes`` users, its own if none is given, and a
        generator.
        """
        print(f"... {kind.name}, {workers} workers", file=sys.stderr, flush=True)
        database = database or self.stack.database.fresh(inboxes)
        with (
            kind(self.stack, database, workers, ping) as peer,
            Load() as load,
            self._profiled(peer),
        ):
            yield Served(self.stack, peer, load)

    @contextmanager
    def _profiled(self, peer: Peer) -> Iterator[None]:
        if self.profiles is None or peer.name != OURS:
            yield
            return
        path = self.profiles / f"{peer.workers}-workers.stacks"
        with profiled(peer.worker_processes()[0].pid, path):
            yield
        print(shares_table(f"one of {peer.workers} workers", path), flush=True)


@dataclass
class Served:
    """A peer that runs, and the generator that will load it."""

    stack: Stack
    peer: Peer
    load: Load

    def __post_init__(self) -> None:
        self._tokens: dict[str, str] = {}

    def token(self, user: str) -> str:
        """The user's token."""
        if user not in self._tokens:
            self._tokens[user] = self.peer.token(user)
        return self._tokens[user]

    def connect(self, names: Sequence[str]) -> list[str]:
        """Open a socket for each of ``names``; what went wrong, as notes.

        Raises RuntimeError if none of them connects.
        """
        tokens = [self.token(name) for name in names]
        answer = self.load.ask(
            "connect", port=self.peer.port, users=names, tokens=tokens, seconds=CONNECT_SECONDS
        )
        if not answer["live"]:
            raise RuntimeError(f"no socket connected to {self.peer.name}")
        self.load.ask("settle", seconds=10)
        if answer["live"] < len(names):
            return [f"only {answer['live']} of {len(names)} sockets connected"]
        return []

    def calls(self, requests: list[tuple[str, str, str, str]], **how: float) -> Called:
        """Make HTTP requests (method, path, token, body)."""
        return self.load.call(port=self.peer.port, requests=requests, **how)


def users(count: int) -> list[str]:
    """The ids of the first ``count`` users."""
    return [f"u{number:06}" for number in range(count)]


def busy_note(busy: float) -> list[str]:
    """A note if the generator used too much of its core."""
    return ["the generator was too busy: not to be relied on"] if busy > TOO_BUSY else []
