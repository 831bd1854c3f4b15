"""Whether every serving process seals with the same key.

Each of them beats every second on a probe channel of its own (``notifier/broker/probe.py``), and
beats are sealed. Listening to them shows who is there and whose key is another, without asking
anybody for anything.
"""

from __future__ import annotations

import re
import time
from typing import Any

from ..broker.probe import PROBE_SECONDS
from .report import Result, ok, skipped, warning, wrong
from .site import Site

__all__ = ["seals"]

_LISTEN_SECONDS = 3 * PROBE_SECONDS  # a busy process may be a beat late
_GLOB = re.compile(r"([*?\[\]\\])")


def seals(site: Site) -> Result:
    """Whether all serving processes on our channels have our key."""
    prefix = site.settings.channel
    heard: dict[bytes, bool] = {}
    silent = 0
    with site.nodes() as nodes:
        for node in nodes:
            channels = _channels(site, node)
            heard |= _hear(site, node, channels)
            silent += len(channels - heard.keys())
    strangers = sum(not ours for ours in heard.values())
    if not heard and not silent:
        return skipped("no serving process is on this Redis; start the server and ask again")
    if strangers:
        return wrong(
            f"{strangers} of {len(heard)} processes on the channels {prefix}:* seal with another "
            "key",
            "Neither hears the other. Set the same SECRET_KEY (or NOTIFIER_BROKER_KEY) in every "
            "process. If that is another app, give each a NOTIFIER_CHANNEL of its own: the number "
            "of the Redis database does not separate them.",
        )
    if len(heard) > 1 and site.engine.dialect.name == "sqlite":
        return wrong(
            f"{len(heard)} serving processes were heard, and the database is SQLite",
            "They wait for its one write lock, or each has a file of its own. Set DATABASE_URL="
            "postgresql://..., or run one worker. After a deployment, ask again: old ones may be "
            "about to end.",
        )
    if silent:
        return warning(
            f"{len(heard)} processes seal with our key, {silent} were not heard",
            "They are subscribed and publish nothing: busy, stopped, or just gone. Ask again.",
        )
    return ok(f"{len(heard)} serving processes were heard, all with our key")


def _channels(site: Site, node: Any) -> set[bytes]:
    """The probe channels that somebody is subscribed to."""
    pattern = _GLOB.sub(r"\\\1", site.settings.channel) + ":probe:*"
    listing = "SHARDCHANNELS" if _sharded(site) else "CHANNELS"
    return set(node.execute_command("PUBSUB", listing, pattern))


def _hear(site: Site, node: Any, channels: set[bytes]) -> dict[bytes, bool]:
    """Of each channel that beats, whether the beat was sealed with our key."""
    heard: dict[bytes, bool] = {}
    if not channels:
        return heard
    listener = node.pubsub(ignore_subscribe_messages=True)
    subscribe = listener.ssubscribe if _sharded(site) else listener.subscribe
    deadline = time.monotonic() + _LISTEN_SECONDS
    try:
        for channel in channels:
            subscribe(channel)
        while len(heard) < len(channels) and (left := deadline - time.monotonic()) > 0:
            message: Any = listener.get_message(timeout=min(left, 0.2))
            if message is not None:
                heard[message["channel"]] = _opens(site, message["channel"], message["data"])
    finally:
        listener.close()
    return heard


def _opens(site: Site, channel: bytes, payload: bytes) -> bool:
    try:
        site.wire.unseal(channel, payload)
    except ValueError:
        return False
    return True


def _sharded(site: Site) -> bool:
    """Whether channels belong to slots, as ``notifier/broker/endpoint.py`` has it."""
    return site.settings.redis_url.startswith("redis+cluster:")
