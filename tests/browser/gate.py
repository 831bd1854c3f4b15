"""A network path that lets plain HTTP through and can lose WebSockets."""

from __future__ import annotations

import contextlib
import socket
import threading

CHUNK = 65_536


class Gate:
    """A TCP proxy of 127.0.0.1 in front of ``port``. Bytes pass unchanged."""

    def __init__(self, port: int) -> None:
        self.passes_sockets = True
        self._target = port
        self._open: list[socket.socket] = []
        self._websockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut(self) -> int:
        """Cut every WebSocket, and return how many there were."""
        with self._lock:
            cut, self._websockets = self._websockets, []
        return sum(hang_up(one) for one in cut)

    def close(self) -> None:
        hang_up(self._listener)
        self._acceptor.join(5)
        self._listener.close()
        with self._lock:
            left, self._open = self._open, []
        for one in left:
            hang_up(one)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                browser, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(browser,), daemon=True).start()

    def _carry(self, browser: socket.socket) -> None:
        with browser, contextlib.suppress(OSError):
            first = browser.recv(CHUNK)
            # A browser opens a connection of its own for every WebSocket.
            is_websocket = first.startswith(b"GET /socket.io")
            if is_websocket and not self.passes_sockets:
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                self._remember(browser, server, is_websocket)
                server.sendall(first)
                back = threading.Thread(target=pump, args=(server, browser), daemon=True)
                back.start()
                pump(browser, server)
                back.join()

    def _remember(self, browser: socket.socket, server: socket.socket, is_websocket: bool) -> None:
        with self._lock:
            self._open += [browser, server]
            if is_websocket:
                self._websockets.append(browser)


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes until one side hangs up, then hang up the other."""
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    hang_up(sink)


def hang_up(one: socket.socket) -> bool:
    """End a connection at once for both who read from it; tell whether it was open."""
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return False
    return True
