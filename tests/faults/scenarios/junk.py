"""What somebody who can publish on our Redis, but does not know the key, can think of."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterator

import redis

from tests.faults.world import World
from tests.services.valkey import Valkey

_FORGED_COUNT = 666_000
_BATCH = 500
_OVERHEARD = 20

NOISE = (
    b"",
    b"5",
    b"null",
    b"{}",
    b"[]",
    b"\x00" * 16,
    b"\xff" * 64,
    b"not json at all, and longer than a seal",
    b"[" * 5_000,
    b'{"a":' * 5_000,
    b"x" * 200_000,
    json.dumps(["unread_message_count", _FORGED_COUNT, 2**60, 0]).encode(),
    json.dumps({"method": "emit", "event": "unread_message_count", "data": 1}).encode(),
)


def publish_junk(valkey: Valkey, world: World, total: int) -> int:
    """Publish ``total`` pieces of junk on the channels that are subscribed; how many it were."""
    with valkey.client(timeout=30) as client:
        genuine = _overhear(client, world)
        channels = [*client.pubsub_channels("*"), b"flask-socketio", b"socketio"]
        random.shuffle(channels)
        junk = zip(itertools.cycle(channels), _junk(genuine), strict=False)
        published = 0
        while published < total:
            pipeline = client.pipeline(transaction=False)
            for channel, payload in itertools.islice(junk, _BATCH):
                # The very same on its own channel is no junk, only once more.
                if genuine.get(channel) != payload:
                    pipeline.publish(channel, payload)
            published += len(pipeline.execute())
        return published


def _overhear(client: redis.Redis, world: World) -> dict[bytes, bytes]:
    """The last thing that was published on some channels, as anybody can hear it."""
    heard: dict[bytes, bytes] = {}
    with client.pubsub(ignore_subscribe_messages=True) as listener:  # type: ignore[no-untyped-call]
        listener.psubscribe("*")
        # The acknowledgement, which is ignored: from here on everything is heard.
        listener.get_message(timeout=2.0)
        world.send_all(world.users[-_OVERHEARD:])
        deadline = time.monotonic() + 10.0
        while len(heard) < _OVERHEARD:
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {len(heard)} publications heard, too few to forge")
            message = listener.get_message(timeout=0.1)
            if message is not None and isinstance(message["data"], bytes):
                heard[message["channel"]] = message["data"]
    return heard


def _junk(genuine: dict[bytes, bytes]) -> Iterator[bytes]:
    payloads = list(genuine.values())
    while True:
        yield random.choice(NOISE)
        payload = random.choice(payloads)
        yield payload  # replayed, mostly on another channel
        yield payload[: random.randrange(len(payload))]
        yield payload[:16] + random.choice(NOISE)
        flipped = bytearray(payload)
        flipped[random.randrange(len(flipped))] ^= 1 << random.randrange(8)
        yield bytes(flipped)
        yield payload + b" "
        yield random.randbytes(random.randrange(1, 300))
