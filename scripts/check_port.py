"""Say clearly that a port cannot be listened on. Usage: check_port.py HOST PORT."""

from __future__ import annotations

import socket
import sys


def main(host: str, port: str) -> int:
    """Return 0 if a server could listen there, else 1."""
    if not port.isdecimal() or not 0 < int(port) < 65536:
        print(f"error: PORT={port} is not a port number", file=sys.stderr)
        return 1
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As gunicorn does, so that a connection lingering from the last run is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
            probe.listen()
        except OSError as error:
            print(
                f"error: cannot listen on {host}:{port} ({error.strerror}); "
                "stop what runs there, or choose another: make run PORT=5001",
                file=sys.stderr,
            )
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
