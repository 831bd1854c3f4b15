"""Small tools that any test may use."""

from __future__ import annotations

import os
import random
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

Value = TypeVar("Value")

ROOT = Path(__file__).resolve().parent.parent

# Below every usual ephemeral range (Linux starts at 32768): a port that a stopped server gives
# back cannot be taken by somebody's outgoing connection before the server returns.
PORTS = range(20_000, 32_000)


def wait_until(
    predicate: Callable[[], Value], timeout: float = 10.0, message: str = "", interval: float = 0.02
) -> Value:
    """Poll `predicate` until it is true and return its value; fail after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not (value := predicate()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout:g} s: {message or predicate}; last seen: {value!r}")
        time.sleep(interval)
    return value


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on."""
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free TCP port found on 127.0.0.1")


def answers(url: str) -> bool:
    """Tell whether GET `url` answers 200 within a second."""
    try:
        with urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310 -- ours, http
            return bool(response.status == 200)
    except OSError:
        return False


def in_ci() -> bool:
    """Tell whether this is CI, where nothing may be skipped."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def unavailable(reason: str) -> NoReturn:
    """Skip the test on a laptop, fail it in CI."""
    if in_ci():
        pytest.fail(f"{reason} (in CI nothing may be missing)")
    pytest.skip(reason)
