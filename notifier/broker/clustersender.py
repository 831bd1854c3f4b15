"""Publishing on the sharded channels of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.cluster import RedisCluster

from .cluster import Cluster
from .connection import Message

__all__ = ["ClusterSender"]


class ClusterSender:
    """A ``Sender`` on sharded channels: one exchange with each node concerned."""

    pending = None

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._client: RedisCluster | None = None

    def send(self, messages: Sequence[Message]) -> None:
        """Publish all of ``messages``. Raises RedisError or OSError if it cannot."""
        if self._client is None:
            self._client = self._cluster.client()
        client: Any = self._client
        pipeline = client.pipeline()
        for channel, payload in messages:
            pipeline.spublish(channel, payload)
        pipeline.execute()

    def write(self, messages: Sequence[Message]) -> None:
        """As ``send``: a channel may have moved, which only the answer tells."""
        self.send(messages)

    def confirm(self) -> None:
        """Nothing is ever pending."""

    def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            self._client.close()
