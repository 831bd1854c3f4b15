"""A client for programs that follow a user's events: push by Socket.IO, else by polling.

It needs websocket-client (``pip install flask-notifier[client]``) and nothing of the server: no
Flask, no SQLAlchemy, no eventlet.
"""

from __future__ import annotations

from .errors import CannotFollow
from .follower import Follower, follow
from .outbox import Event

__all__ = ["CannotFollow", "Event", "Follower", "follow"]
