"""What a worker counts and measures, for Prometheus.

Nothing here is on a request's way: parts keep plain counters, which are read when somebody asks.
The latencies rest on stamps, so between machines they are as exact as their clocks agree.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import Metric

from ..broker.publisher import RedisPublisher
from ..operations import Event
from .figures import Family, Figures, Latency, Shared, exposed

if TYPE_CHECKING:
    from ..extension import Notifier

__all__ = ["CONTENT_TYPE", "FAMILIES", "Metrics"]

CONTENT_TYPE = CONTENT_TYPE_LATEST

# One client reports at most so many missed events at once: what it says is not to be trusted.
_MOST_HEALED = 100

FAMILIES = (
    Family("notifier_commit_to_publish_seconds", "latency", "From an event's stamp to Redis."),
    Family("notifier_publish_to_emit_seconds", "latency", "From Redis to the sockets."),
    Family("notifier_events_published", "counter", "Events handed to Redis, or to the sockets."),
    Family("notifier_events_delivered", "counter", "Events emitted to a user's sockets here."),
    Family("notifier_events_coalesced", "counter", "Events replaced by newer ones in the queue."),
    Family("notifier_events_dropped", "counter", "Events left to the sweep, Redis took none."),
    Family("notifier_payloads_rejected", "counter", "Publications that were not ours."),
    Family("notifier_events_healed", "counter", "Events no push brought, by what did.", "by"),
    Family("notifier_resyncs", "counter", "Times everything was asked for anew.", "cause"),
    Family("notifier_probe_seconds", "highest", "Round trip of the newest probe through Redis."),
    Family("notifier_broker_up", "level", "Workers whose subscription to the broker stands."),
    Family("notifier_sockets", "level", "Sockets that are signed in."),
    Family("notifier_users", "level", "Users with a socket, once for each of their workers."),
    Family("notifier_queue_events", "level", "Events that wait for Redis."),
    Family("notifier_sockets_cut", "counter", "Sockets the server ended, by why.", "cause"),
    Family("notifier_database_connections", "level", "Places in the pools.", "state"),
    Family("notifier_database_outages", "counter", "Times the database could not serve."),
    Family("notifier_database_refusals", "counter", "Requests that got a 503 for it."),
    Family("notifier_commits_unknown", "counter", "Commits whose outcome was lost."),
)


class Metrics:
    """The figures of one notifier in one process."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._shared = Shared(notifier.settings.metrics_dir)
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self.to_publish = Latency()
        self.to_emit = Latency()
        self._published_here = 0
        self._healed_by_poll = 0

    def published(self, events: Sequence[Event], at: int) -> None:
        """``events`` left for the sockets ``at`` a time in microseconds since the epoch."""
        self._published_here += len(events)
        for event in events:
            self.to_publish.add((at - event.stamp) / 1e6)

    def emitted(self, event: Event) -> None:
        """``event`` was sent to its sockets."""
        if event.published:
            self.to_emit.add(time.time() - event.published / 1e6)

    def healed(self, reported: Sequence[str]) -> None:
        """A client says how many events it missed and polled for; nonsense is ignored."""
        if len(reported) == 1 and reported[0].isascii() and reported[0].isdigit():
            self._healed_by_poll += min(int(reported[0][:9]), _MOST_HEALED)

    def save(self) -> None:
        """Leave the figures where a scrape of another worker finds them."""
        self._shared.save(self.figures())

    def text(self) -> bytes:
        """The figures of all workers, in Prometheus' text format."""
        self.save()
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """What the registry asks."""
        yield from exposed(FAMILIES, [(True, self.figures()), *self._shared.others()])

    def describe(self) -> Iterator[Metric]:
        """The names; the registry asks before there is anything to collect."""
        yield from exposed(FAMILIES, [])

    def figures(self) -> Figures:
        """The figures of this process."""
        return {
            "notifier_commit_to_publish_seconds": self.to_publish.read(),
            "notifier_publish_to_emit_seconds": self.to_emit.read(),
            "notifier_events_published": {"": self._published_here},
            **self._of_publisher(),
            **self._of_serving(),
            **self._of_database(),
        }

    def _of_publisher(self) -> Figures:
        publisher = self._notifier.publisher
        redis = publisher if isinstance(publisher, RedisPublisher) else None
        return {
            "notifier_events_coalesced": {"": redis.coalesced if redis else 0},
            "notifier_events_dropped": {"": redis.dropped if redis else 0},
            "notifier_queue_events": {"": redis.depth if redis else 0},
        }

    def _of_serving(self) -> Figures:
        serving = self._notifier.serving
        channels = serving.subscription
        causes: dict[str, float] = {"database": self._notifier.outage.count}
        if channels is not None:
            causes.update(channels.causes)
        transport: Any = getattr(self._notifier.socketio.server.eio, "counts", None)
        return {
            "notifier_events_delivered": {"": serving.delivery.emitted},
            "notifier_events_healed": {"sweep": serving.sweep.healed, "poll": self._healed_by_poll},
            "notifier_payloads_rejected": {"": channels.rejected if channels else 0},
            "notifier_resyncs": causes,
            "notifier_probe_seconds": {"": (channels and channels.round_trip) or 0},
            "notifier_broker_up": {"": bool(channels and channels.ready)},
            "notifier_sockets": {"": len(serving.presence.sids())},
            "notifier_users": {"": len(serving.presence.users())},
            "notifier_sockets_cut": {
                "stranger": serving.sessions.reaped,
                **({cause: getattr(transport, cause) for cause in _CUT} if transport else {}),
            },
        }

    def _of_database(self) -> Figures:
        outage = self._notifier.outage
        pool: Any = self._notifier.engine.pool
        places = {"used": "checkedout", "idle": "checkedin", "limit": "size"}
        known = {
            state: count
            for state, name in places.items()
            if callable(count := getattr(pool, name, None))
        }
        return {
            "notifier_database_connections": {state: read() for state, read in known.items()},
            "notifier_database_outages": {"": outage.count},
            "notifier_database_refusals": {"": outage.refused},
            "notifier_commits_unknown": {"": outage.unknown},
        }


_CUT = ("slow", "silent", "bad")
