"""The client rule as shipped, with a record of all it ever showed."""

from __future__ import annotations

from typing import Any

from notifier.client import rule
from notifier.client.rule import Json

__all__ = ["Json", "Rule"]


class Rule(rule.Rule):
    """``shown`` is every value that was ever shown, for assertions; what was cleared is not."""

    def __init__(self, cursor: float = 0.0) -> None:
        super().__init__(cursor, changed=self._record)
        self.shown: list[tuple[str, float, Any]] = []

    def _record(self, name: str, data: Any, timestamp: float) -> None:
        if timestamp:
            self.shown.append((name, timestamp, data))
