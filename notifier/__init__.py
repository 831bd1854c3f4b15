"""Durable, real-time notifications for Flask apps.

The public names are loaded when they are first used, so that a server can import its worker
class without importing the web stack before it has patched the standard library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .audit import Finding
    from .config import Settings
    from .current import current_notifier
    from .database import create_engine, reader
    from .errors import (
        ConfigurationError,
        DatabaseUnavailable,
        InvalidInput,
        NotifierError,
        StagingError,
        UnknownUser,
    )
    from .extension import Notifier
    from .messages import Message
    from .operations import Badge, Event
    from .outages import OutcomeUnknown
    from .publisher import MemoryPublisher, Publisher

__all__ = [
    "Badge",
    "ConfigurationError",
    "DatabaseUnavailable",
    "Event",
    "Finding",
    "InvalidInput",
    "MemoryPublisher",
    "Message",
    "Notifier",
    "NotifierError",
    "OutcomeUnknown",
    "Publisher",
    "Settings",
    "StagingError",
    "UnknownUser",
    "create_engine",
    "current_notifier",
    "reader",
]

_HOMES = {
    "Badge": "operations",
    "ConfigurationError": "errors",
    "DatabaseUnavailable": "errors",
    "Event": "operations",
    "Finding": "audit",
    "InvalidInput": "errors",
    "MemoryPublisher": "publisher",
    "Message": "messages",
    "Notifier": "extension",
    "NotifierError": "errors",
    "OutcomeUnknown": "outages",
    "Publisher": "publisher",
    "Settings": "config",
    "StagingError": "errors",
    "UnknownUser": "errors",
    "create_engine": "database",
    "current_notifier": "current",
    "reader": "database",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
