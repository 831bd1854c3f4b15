"""Every setting, once: its key, default, unit and check. ``docs/settings.md`` follows it."""

from __future__ import annotations

import dataclasses
import difflib
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ConfigurationError

__all__ = ["PREFIX", "Settings", "check_keywords", "describe"]

log = logging.getLogger("notifier")

PREFIX = "NOTIFIER_"

# Keys that hosts and platforms already have a name for; everything else carries the prefix.
_SHARED = frozenset({"DATABASE_URL", "REDIS_URL", "SECRET_KEY"})

Check = Callable[[Any], str | None]


def _at_least(least: float) -> Check:
    return lambda value: None if value >= least else f"must be at least {least:g}"


def _between(least: float, most: float) -> Check:
    return lambda value: None if least <= value <= most else f"must be {least:g} to {most:g}"


def _starts_with_slash(value: str) -> str | None:
    return None if value.startswith("/") else "must start with '/'"


def _url_prefix(value: str) -> str | None:
    if not value or (value.startswith("/") and not value.endswith("/")):
        return None
    return "must start with '/' and not end with one"


def _blueprint(value: str) -> str | None:
    return None if value and "." not in value else "must be a name without a dot"


def _known_transports(value: tuple[str, ...]) -> str | None:
    if value and set(value) <= {"websocket", "polling"}:
        return None
    return "must name 'websocket', 'polling' or both, separated by a comma"


def _known_engine(value: str) -> str | None:
    return None if value in {"lean", "stock"} else "must be 'lean' or 'stock'"


def _on_or_off(value: str) -> str | None:
    return None if value in {"on", "off"} else "must be 'on' or 'off'"


def _metrics(value: str) -> str | None:
    if value in {"on", "off"} or len(value) >= 16:
        return None
    return "must be 'on', 'off' or a token of at least 16 characters"


def _origins(value: tuple[str, ...]) -> str | None:
    bad = [one for one in value if not one.startswith(("http://", "https://"))]
    return f"{bad[0]!r} is no origin such as https://example.org" if bad else None


def _setting(default: Any, doc: str, check: Check | None = None, key: str | None = None) -> Any:
    metadata = {"doc": doc, "check": check, "key": key}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """The settings of one notifier. Build it with ``Settings.load``."""

    database_url: str = _setting(
        "sqlite:///notifier.sqlite3", "SQLite or PostgreSQL database.", key="DATABASE_URL"
    )
    redis_url: str = _setting(
        "", "Redis or Valkey that carries pushes between processes; empty: none.", key="REDIS_URL"
    )
    secret_key: str = _setting("", "Signs user tokens, seals pushes.", key="SECRET_KEY")
    token_keys: tuple[str, ...] = _setting(
        (), "Keys for user tokens, newest first, instead of SECRET_KEY; dropping one revokes."
    )
    token_max_age: int = _setting(86_400, "Life of a user token, in seconds.", _at_least(1))
    url_prefix: str = _setting("", "What the paths of all our routes begin with.", _url_prefix)
    blueprint: str = _setting(
        "notifier", "Name of our blueprint, and so of our endpoints in `url_for`.", _blueprint
    )
    namespace: str = _setting(
        "/",
        "Socket.IO namespace of the pushes; `/notifier` on a `SocketIO` of the host's.",
        _starts_with_slash,
    )
    socket_path: str = _setting("/socket.io", "Where Socket.IO answers.", _starts_with_slash)
    transports: tuple[str, ...] = _setting(
        ("websocket",), "Engine.IO transports; polling needs sticky sessions.", _known_transports
    )
    socket_engine: str = _setting(
        "lean",
        "What sends on sockets: `lean` (bounded, one heartbeat for all) or python-engineio's"
        " `stock`.",
        _known_engine,
    )
    allowed_origins: tuple[str, ...] = _setting(
        (), "Other origins whose pages may connect and write, such as https://a.example.", _origins
    )
    trusted_proxies: int = _setting(
        0, "Proxies in front whose X-Forwarded headers are believed.", _between(0, 10)
    )
    ping_interval: float = _setting(25.0, "Between heartbeats of a socket, in s.", _at_least(0.1))
    ping_timeout: float = _setting(20.0, "For the answer to a heartbeat, in s.", _at_least(0.1))
    sockets_per_user: int = _setting(
        50, "Sockets one user may hold open on a worker.", _at_least(1)
    )
    connect_timeout: float = _setting(
        10.0, "For a new socket to sign in before it is closed, in s.", _at_least(0.1)
    )
    poll_interval: float = _setting(10.0, "Pace given to pollers, in s.", _at_least(0.1))
    sweep_interval: float = _setting(
        3.0, "Between two sweeps for heads nobody announced, in s.", _at_least(0.05)
    )
    max_body: int = _setting(4_000, "Longest message, in characters.", _at_least(1))
    max_data: int = _setting(
        16_384, "Largest data of a notification, in bytes.", _between(16, 60_000)
    )
    max_recipients: int = _setting(10_000, "Most recipients of one call.", _at_least(1))
    pool_size: int = _setting(10, "Database connections of a process.", _at_least(1))
    pool_timeout: float = _setting(
        1.5, "Wait for a free one of these connections, in s.", _at_least(0.1)
    )
    answer_timeout: float = _setting(1.5, "For one answer of PostgreSQL, in s.", _at_least(0.1))
    busy_timeout: float = _setting(5.0, "Wait for a lock of SQLite's, in s.", _at_least(0))
    channel: str = _setting("notifier", "Prefix of the Redis channels.")
    broker_key: str = _setting("", "Seals what travels through Redis, instead of SECRET_KEY.")
    broker_timeout: float = _setting(1.0, "For one exchange with Redis, in s.", _at_least(0.05))
    queue_size: int = _setting(10_000, "Events that may wait for Redis.", _at_least(1))
    users_send: str = _setting(
        "on",
        "Whether users may send messages to each other over HTTP, as themselves, by session cookie"
        " or user token; `off`: only API keys send.",
        _on_or_off,
    )
    api_docs: str = _setting(
        "on",
        "Whether anybody may read `/api/v1/openapi.json` and `/api/v1/docs`; `off`: they are not"
        " there.",
        _on_or_off,
    )
    metrics: str = _setting(
        "on",
        "Who may read `/metrics`: `on`, whoever asks without a proxy in between; `off`, nobody;"
        " else whoever sends this as bearer token.",
        _metrics,
    )
    metrics_dir: str = _setting(
        "", "Where the workers of one server share their figures; gunicorn.conf.py makes one."
    )
    queue_seconds: float = _setting(
        3.0, "How long an event may wait for Redis before the sweep takes over.", _at_least(0.1)
    )

    @classmethod
    def load(cls, given: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Settings:
        """The settings of ``given`` (a Flask config, say), then the environment, then defaults.

        Raises ConfigurationError for a value that cannot be used or a given key nobody knows.
        """
        known = {_key(field): field for field in dataclasses.fields(cls)}
        around = _ours(os.environ if environ is None else environ)
        chosen = _ours(given)
        for key in chosen.keys() - known.keys():
            raise ConfigurationError(_unknown(key, list(known)))
        for key in around.keys() - known.keys():
            # Not an error: Kubernetes sets such variables for a service named "notifier".
            log.warning("In the environment, %s", _unknown(key, list(known)))
            del around[key]
        merged = {**around, **chosen}
        values = {known[key].name: _parse(key, known[key], merged[key]) for key in merged}
        return cls(**values)


def check_keywords(given: Mapping[str, object]) -> None:
    """Raises ConfigurationError for a keyword that is the key of no setting."""
    known = [_key(field) for field in dataclasses.fields(Settings)]
    for keyword in given:
        if keyword not in known:
            raise ConfigurationError(_unknown(keyword, known))


def describe() -> list[tuple[str, str, str]]:
    """(key, default, explanation) of every setting, in order: the rows of the documentation."""
    rows = []
    for field in dataclasses.fields(Settings):
        default = field.default
        text = ",".join(default) if isinstance(default, tuple) else str(default)
        rows.append((_key(field), text, field.metadata["doc"]))
    return rows


def _key(field: dataclasses.Field[Any]) -> str:
    return field.metadata["key"] or PREFIX + field.name.upper()


def _ours(source: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in source.items()
        if value is not None and (key.startswith(PREFIX) or (key in _SHARED and value != ""))
    }


def _unknown(key: str, known: list[str]) -> str:
    names = {one.removeprefix(PREFIX): one for one in known}
    close = difflib.get_close_matches(key.upper().removeprefix(PREFIX), names, n=1)
    hint = f"; did you mean {names[close[0]]}?" if close else "; see docs/settings.md"
    return f"{key} is not a setting{hint}"


def _parse(key: str, field: dataclasses.Field[Any], value: Any) -> Any:
    parsed = _convert(key, type(field.default), value)
    check = field.metadata["check"]
    problem = check(parsed) if check else None
    if problem:
        raise ConfigurationError(f"{key} {problem}; it is {value!r}")
    return parsed


def _convert(key: str, kind: type, value: Any) -> Any:
    if kind is tuple:
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(str(part).strip() for part in parts if str(part).strip())
    if kind is str:
        # A secret key may be any bytes; this reads them all, one character each.
        return value.decode("latin-1") if isinstance(value, bytes) else str(value)
    try:
        number = kind(value)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{key} must be a number; it is {value!r}") from error
    if number != number or number in (float("inf"), float("-inf")):
        raise ConfigurationError(f"{key} must be a finite number; it is {value!r}")
    return number
