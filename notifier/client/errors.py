"""What ends a follower by itself. A refused token is a ``notifier.errors.TokenError``."""

from __future__ import annotations

from ..errors import NotifierError

__all__ = ["CannotFollow"]


class CannotFollow(NotifierError):
    """There is nothing to follow at that URL, and asking again would not change it."""
