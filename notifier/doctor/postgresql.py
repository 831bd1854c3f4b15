"""Settings of PostgreSQL that matter here."""

from __future__ import annotations

from sqlalchemy import Connection, text

from .report import Result, ok, skipped, warning, wrong
from .site import Site

__all__ = ["connections", "durability", "isolation", "primary"]

_PORT = 5432
_NOT_HERE = "the database is not PostgreSQL"

# Connections of the role and the database may have limits of their own; -1 is none.
_LIMITS = text(
    "SELECT current_setting('max_connections')::int,"
    " current_setting('superuser_reserved_connections')::int,"
    " (SELECT datconnlimit FROM pg_database WHERE datname = current_database()),"
    " (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user),"
    " inet_server_port(),"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')"
)


def primary(site: Site) -> Result:
    """Whether this is the primary."""
    if site.engine.dialect.name != "postgresql":
        return skipped(_NOT_HERE)
    if site.ask(lambda connection: bool(connection.scalar(text("SELECT pg_is_in_recovery()")))):
        return wrong(
            "DATABASE_URL names a standby, which is read-only and behind",
            "A client that polls a standby can skip a notification for ever. Name the primary, for "
            "every process: with several hosts in the URL add target_session_attrs=read-write.",
        )
    return ok("this is the primary")


def durability(site: Site) -> Result:
    """Whether a commit is on disk when the server says so."""
    if site.engine.dialect.name != "postgresql":
        return skipped(_NOT_HERE)
    off = [
        name
        for name in ("fsync", "synchronous_commit", "full_page_writes")
        if site.ask(lambda connection, name=name: _setting(connection, name)) == "off"  # type: ignore[misc]
    ]
    if off:
        return warning(
            f"{', '.join(off)} {'is' if len(off) == 1 else 'are'} off",
            "A crash of the database server can lose commits whose pushes people have seen; fsync "
            "and full_page_writes off can lose all data. Turn them on unless this is a test.",
        )
    return ok("a commit is on disk before it is pushed")


def isolation(site: Site) -> Result:
    """Whether transactions wait for a lock instead of failing after it."""
    if site.engine.dialect.name != "postgresql":
        return skipped(_NOT_HERE)
    level = site.ask(lambda connection: _setting(connection, "transaction_isolation"))
    if level != "read committed":
        return warning(
            f"transactions run at {level.upper()}",
            "Sends to one user at the same time then fail with a serialization error (503) and "
            "must be repeated. READ COMMITTED is enough: every write takes its locks in order.",
        )
    return ok("READ COMMITTED")


def connections(site: Site) -> Result:
    """Whether the server admits as many connections as all pools may open."""
    if site.engine.dialect.name != "postgresql":
        return skipped(_NOT_HERE)
    highest, reserved, *others, port, open_now = site.ask(
        lambda connection: connection.execute(_LIMITS).one()
    )
    limit = min([highest - reserved, *(one for one in others if one is not None and one >= 0)])
    count, _ = site.workers
    most, said_by = site.pool
    needed = "any number" if most is None else f"{count} x {most} (workers x {said_by})"
    found = f"{needed} of {limit}; {open_now} open now"
    if port is not None and port != (site.engine.url.port or _PORT):
        return ok(f"{found}; a pooler or a forwarded port is in between, whose limit counts")
    if most is None:
        return warning(
            f"{found}: {said_by} has no limit",
            "Under load the server may refuse connections, and requests answer 503. Give the "
            "engine a pool with a limit.",
        )
    if count * most > limit:
        return wrong(
            found,
            "Under load the server refuses connections, and requests answer 503. Lower "
            f"{said_by} or the number of workers, or raise max_connections.",
        )
    if count * most > 0.8 * limit:
        return warning(
            found,
            "A deployment starts new workers before the old ones end, and migrations and shells "
            "need connections too. Leave a fifth free.",
        )
    return ok(found)


def _setting(connection: Connection, name: str) -> str:
    return str(connection.scalar(text("SELECT current_setting(:name)"), {"name": name}))
