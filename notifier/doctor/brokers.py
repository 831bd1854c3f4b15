"""Redis: whether pushes travel through it, what it does when it is full, and who else is there."""

from __future__ import annotations

import time
from typing import Any

from redis import Redis
from redis.exceptions import (
    AuthenticationError,
    NoPermissionError,
    RedisError,
    ResponseError,
)

from ..broker.publisher import RedisPublisher
from .report import Result, ok, skipped, warning, worst, wrong
from .site import Site

__all__ = ["buffers", "memory", "reachable", "role"]

_NO_INFO = "INFO is forbidden to this user of Redis; allow it with ACL SETUSER <name> +info"
_ROUND_SECONDS = 4.0  # for what takes a millisecond, and a second longer if a beat was missed
_LOOK_SECONDS = 0.005

LEAST_BUFFER = 1024 * 1024
"""Bytes. A burst of a few thousand events to the users of one worker is about that much."""


def reachable(site: Site) -> Result:
    """Whether something that is published comes back through a subscription."""
    if not site.settings.redis_url:
        return skipped("REDIS_URL is not set")
    try:
        with site.nodes() as nodes:
            versions = [_version(node) for node in nodes]
    except AuthenticationError as error:
        return wrong(f"Redis wants another password ({error})", "Set it in REDIS_URL.")
    except (RedisError, OSError) as error:
        return wrong(
            f"Redis does not answer: {' '.join(str(error).split())}",
            "Check REDIS_URL, the server and the firewall. Until then sends go on, and pages "
            "follow by the sweep and by polling.",
        )
    try:
        trip = _round_trip(site)
    except (RedisError, OSError) as error:
        return wrong(f"Redis does not take publications: {error}", _allow(site))
    if trip is None:
        return wrong("what is published does not come back through a subscription", _allow(site))
    return ok(f"{', '.join(versions)}; a publication comes back after {trip * 1000:.1f} ms")


def role(site: Site) -> Result:
    """Whether this is a master: what is published at a replica stays there."""
    with site.nodes() as nodes:
        roles = {_place(node): _info(node).get("role") for node in nodes}
    replicas = [place for place, role in roles.items() if role == "slave"]
    if replicas:
        return wrong(
            f"{', '.join(replicas)} is a replica",
            "What is published at a replica does not reach those who are subscribed at the master. "
            "Name the master, or Sentinel: redis+sentinel://host:26379/name.",
        )
    if None in roles.values():
        return skipped(_NO_INFO)
    return ok("a master")


def memory(site: Site) -> Result:
    """Whether Redis removes keys, or cuts clients, when it is full."""
    with site.nodes() as nodes:
        found = [_judge_memory(_info(node)) for node in nodes]
    return worst(found)


def buffers(site: Site) -> Result:
    """Whether Redis bears with a subscriber that is behind for a moment, and not for ever."""
    with site.nodes() as nodes:
        found = [_judge_buffers(node) for node in nodes]
    return worst(found)


def _judge_memory(info: dict[str, Any]) -> Result:
    if not info:
        return skipped(_NO_INFO)
    policy, limit = info.get("maxmemory_policy", "unknown"), int(info.get("maxmemory", 0))
    if info.get("evicted_clients", 0):
        return wrong(
            f"Redis has cut {info['evicted_clients']} clients to save memory (maxmemory-clients)",
            "Subscribers are the first to go, and their pages are late. Raise maxmemory-clients, "
            "or set it to 0.",
        )
    if policy not in ("noeviction", "unknown"):
        size = f"at {limit:,} bytes" if limit else "as soon as maxmemory is set"
        return warning(
            f"Redis evicts: maxmemory-policy is {policy}, {size}; "
            f"{info.get('evicted_keys', 0)} keys evicted so far",
            "Pushes are never stored there, so none is lost, but a queue (Celery, RQ) or sessions "
            "in the same Redis would be. CONFIG SET maxmemory-policy noeviction, or use another "
            "Redis for the cache.",
        )
    return ok(f"maxmemory-policy is {policy}, used {int(info.get('used_memory', 0)):,} bytes")


def _judge_buffers(node: Redis) -> Result:
    info = _info(node)
    cut = int(info.get("client_output_buffer_limit_disconnections", 0))
    try:
        given: Any = node.config_get("client-output-buffer-limit")
    except (NoPermissionError, ResponseError):
        if cut:
            return warning(
                f"Redis has cut {cut} clients that were behind; CONFIG is forbidden here", _RAISE
            )
        if not info:
            return skipped("CONFIG and INFO are forbidden to this user of Redis")
        return skipped("CONFIG is forbidden here; no client was cut for being behind so far")
    hard, soft, seconds = _pubsub_limit(given["client-output-buffer-limit"])
    found = f"a subscriber may be {hard:,} bytes behind, or {soft:,} for {seconds} s"
    if cut:
        return warning(f"{found}; Redis has cut {cut} clients that were behind", _RAISE)
    if 0 < hard < LEAST_BUFFER or 0 < soft < LEAST_BUFFER:
        return wrong(found, f"That cuts workers in every burst. {_RAISE}")
    if not hard and not soft:
        return warning(
            "a subscriber may be behind without limit",
            f"A worker that hangs then fills the memory of Redis. {_RAISE}",
        )
    return ok(found)


_RAISE = (
    "Redis's default is right: CONFIG SET client-output-buffer-limit 'pubsub 33554432 8388608 60'."
)


def _pubsub_limit(given: str) -> tuple[int, int, int]:
    words = given.split()
    at = words.index("pubsub")
    hard, soft, seconds = (int(word) for word in words[at + 1 : at + 4])
    return hard, soft, seconds


def _allow(site: Site) -> str:
    return (
        "Look at what Redis lets its user do; this allows what is needed: ACL SETUSER <name> "
        f"&{site.settings.channel}:* +@pubsub +@connection +info"
    )


def _round_trip(site: Site) -> float | None:
    """Seconds that a publication took to come back, the way a worker's do; None if it did not.

    Raises what Redis says to a publication that it does not take.
    """
    _publish(site)
    publisher = RedisPublisher(site.endpoint.sender, site.wire, queue_size=10, queue_seconds=1.0)
    subscription = site.endpoint.subscription(
        site.wire, publisher.note, lambda _events: None, lambda _users: None
    )
    subscription.start()
    deadline = time.monotonic() + _ROUND_SECONDS
    try:
        while subscription.round_trip is None and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        return subscription.round_trip
    finally:
        subscription.close(1.0)
        publisher.close(1.0)


def _publish(site: Site) -> None:
    channel = site.wire.probe()
    sender = site.endpoint.sender()
    try:
        sender.send([(channel, site.wire.seal(channel, b"0"))])
    finally:
        sender.close()


def _version(node: Redis) -> str:
    info = _info(node)
    server = "Valkey" if "valkey_version" in info else "Redis"
    return f"{server} {info.get('valkey_version') or info.get('redis_version', '')}".strip()


def _place(node: Redis) -> str:
    options = node.connection_pool.connection_kwargs
    return str(options.get("path") or f"{options.get('host')}:{options.get('port')}")


def _info(node: Redis) -> dict[str, Any]:
    """What INFO says; nothing where it is forbidden."""
    try:
        told: dict[str, Any] = node.info()
    except NoPermissionError:
        return {}
    return told
