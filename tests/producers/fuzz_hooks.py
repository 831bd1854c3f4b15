"""What schemathesis cannot know from the description."""

from __future__ import annotations

import itertools
import re
from typing import Any

import schemathesis

_KEY = "Idempotency-Key"
_fresh = itertools.count()


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """It uses a key again for another request, which is rightly refused: make each its own."""
    key = (case.headers or {}).get(_KEY)
    if isinstance(key, str) and re.fullmatch(r"[ -~]{1,255}", key):
        case.headers[_KEY] = f"key {next(_fresh)}"


@schemathesis.hook
def filter_body(_context: Any, body: Any) -> bool:
    """JSON Schema takes 1.0 for an integer, and a pattern cannot forbid lone surrogates."""
    return not _has_odd(body)


@schemathesis.hook
def filter_query(_context: Any, query: Any) -> bool:
    """A schema cannot forbid to spell a number with an exponent; the description does."""
    return not any(isinstance(one, float) and "e" in repr(one) for one in (query or {}).values())


def _has_odd(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_odd, (*value, *value.values())))
    if isinstance(value, list):
        return any(map(_has_odd, value))
    if isinstance(value, str):
        return re.search("[\ud800-\udfff]", value) is not None
    return isinstance(value, float) and value.is_integer()
