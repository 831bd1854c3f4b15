"""A TCP proxy on 127.0.0.1 that can do to connections what networks do.

Up is from the client to the server, down is back. Everything here runs on the loop of a
``Background``; call the methods of ``Proxy`` from any other thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Collection, Iterator
from functools import partial

from tests.faults.background import Background
from tests.support import free_port

UP, DOWN = "up", "down"
BOTH = (UP, DOWN)

_CHUNK = 65_536
# To close with this makes the kernel send RST instead of FIN.
_ABORT = struct.pack("ii", 1, 0)


class Proxy:
    """Forwards a port of its own to ``port``, until told otherwise."""

    def __init__(self, background: Background, port: int) -> None:
        self.target = port
        self.port = free_port()
        self._background = background
        self._passages: set[_Passage] = set()
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self.open = asyncio.Event()
        self.delay = 0.0
        background.run(self._heal())

    def heal(self) -> None:
        """Accept and forward again; what was held back arrives. Half-open stays half-open."""
        self.delay = 0.0
        self._background.run(self._heal())

    def slow(self, delay: float) -> None:
        """Hold everything back for ``delay`` seconds in each direction."""
        self.delay = delay

    def black_hole(self) -> None:
        """Forward nothing. New connections are accepted, and wait for an answer."""
        self._background.run(self._black_hole())

    def refuse(self) -> None:
        """Refuse new connections; those that are open go on."""
        self._background.run(self._refuse())

    def cut(self, *, reset: bool = True) -> None:
        """End all open connections, by RST or by FIN."""
        self._background.run(self._cut(reset))

    def half_open(
        self, directions: Collection[str] = BOTH, ports: Collection[int] | None = None
    ) -> int:
        """Forward nothing more, not even an end, on the connections that are open now.

        ``ports`` chooses connections by the client's port. Returns how many were chosen.
        """
        return self._background.run(self._half_open(directions, ports))

    def close(self) -> None:
        """End everything."""
        self._background.run(self._close())

    async def _heal(self) -> None:
        self.open.set()
        if self._listener is None:
            self._listener = _listen(self.port)
            self._accepting = asyncio.create_task(self._accept(self._listener))

    async def _black_hole(self) -> None:
        self.open.clear()

    async def _refuse(self) -> None:
        if self._accepting is not None and self._listener is not None:
            self._accepting.cancel()
            await asyncio.wait([self._accepting])
            self._listener.close()
            self._listener = None

    async def _cut(self, reset: bool) -> None:
        passages = list(self._passages)
        for passage in passages:
            passage.cut(reset)
        await asyncio.gather(*(passage.task for passage in passages), return_exceptions=True)

    async def _half_open(self, directions: Collection[str], ports: Collection[int] | None) -> int:
        chosen = [one for one in self._passages if ports is None or one.port in ports]
        for passage in chosen:
            passage.lost.update(directions)
        return len(chosen)

    async def _close(self) -> None:
        await self._refuse()
        await self._cut(reset=True)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            client, (_, port) = await loop.sock_accept(listener)
            passage = _Passage(self, client, port)
            self._passages.add(passage)
            passage.task.add_done_callback(partial(self._forget, passage))

    def _forget(self, passage: _Passage, _task: asyncio.Task[None]) -> None:
        self._passages.discard(passage)


class _Passage:
    """One connection through the proxy, and its two pumps."""

    def __init__(self, proxy: Proxy, client: socket.socket, port: int) -> None:
        self.port = port
        self.lost: set[str] = set()
        self._proxy = proxy
        self._client = client
        self._server = _tcp()
        self._reset = True
        self.task = asyncio.create_task(self._run())

    def cut(self, reset: bool) -> None:
        self._reset = reset
        self.task.cancel()

    async def _run(self) -> None:
        for sock in (self._client, self._server):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await self._proxy.open.wait()
            loop = asyncio.get_running_loop()
            await loop.sock_connect(self._server, ("127.0.0.1", self._proxy.target))
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(UP, self._client, self._server))
                pumps.create_task(self._pump(DOWN, self._server, self._client))
            self._reset = False
        except* OSError:
            pass  # one side is gone: the other learns of it by the RST below
        finally:
            for sock in (self._client, self._server):
                if self._reset:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
                sock.close()

    async def _pump(self, direction: str, source: socket.socket, target: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while data := await loop.sock_recv(source, _CHUNK):
            await self._passable(direction)
            await loop.sock_sendall(target, data)
        await self._passable(direction)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    async def _passable(self, direction: str) -> None:
        if self._proxy.delay:
            await asyncio.sleep(self._proxy.delay)
        await self._proxy.open.wait()
        if direction in self.lost:
            await asyncio.Event().wait()  # for ever


def _tcp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM)


def _listen(port: int) -> socket.socket:
    listener = _tcp()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    listener.setblocking(False)
    return listener


@contextlib.contextmanager
def proxied(background: Background, port: int) -> Iterator[Proxy]:
    """A proxy in front of ``port``."""
    proxy = Proxy(background, port)
    try:
        yield proxy
    finally:
        proxy.close()
