"""What the pages show of a name besides the name."""

from __future__ import annotations

import zlib

__all__ = ["hue"]

HUES = 8
"""How many colours ``static/app/app.css`` has for a name's initial."""


def hue(name: str) -> int:
    """Return the number of the colour of ``name``: the same everywhere, and for ever."""
    return zlib.crc32(name.encode()) % HUES
