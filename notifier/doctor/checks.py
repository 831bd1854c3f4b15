"""The table of checks, in the order in which they are made."""

from __future__ import annotations

from . import brokers, database, keys, origins, postgresql, processes, public, seals, sockets
from .launch import LAUNCH_SECONDS
from .running import LIMIT_SECONDS, Check

__all__ = ["CHECKS"]

# The import of the app comes on top of what else such a check does.
_LAUNCHED = LAUNCH_SECONDS + LIMIT_SECONDS
# It may wait for a connection, an answer and what is behind it, each with its own limit.
_PUBLIC = 2 * LIMIT_SECONDS

CHECKS = (
    Check("secret", keys.secret),
    Check("patching", processes.patching, seconds=_LAUNCHED),
    Check("database", database.reachable),
    Check("workers", processes.workers, seconds=_LAUNCHED),
    Check("tables", database.tables, needs="database"),
    Check("clock", database.clock, needs="database"),
    Check("transactions", database.sqlite_transactions, needs="database"),
    Check("primary", postgresql.primary, needs="database"),
    Check("durability", postgresql.durability, needs="database"),
    Check("isolation", postgresql.isolation, needs="database"),
    Check("connections", postgresql.connections, needs="database"),
    Check("redis", brokers.reachable),
    Check("redis role", brokers.role, needs="redis"),
    Check("redis memory", brokers.memory, needs="redis"),
    Check("redis buffers", brokers.buffers, needs="redis"),
    Check("same key", seals.seals, needs="redis"),
    Check("server", public.server, seconds=_PUBLIC),
    Check("server workers", processes.server_workers, needs="server", seconds=_LAUNCHED),
    Check("server clock", public.clock, needs="server"),
    Check("upgrade", sockets.upgrade, needs="server", seconds=_PUBLIC),
    Check("origin", origins.origin, needs="upgrade", seconds=_PUBLIC),
    Check("sign-in", sockets.sign_in, needs="upgrade", seconds=_PUBLIC),
    Check("push", sockets.push, needs="sign-in", seconds=_PUBLIC),
    Check("poll", public.poll, needs="server", seconds=_PUBLIC),
)
