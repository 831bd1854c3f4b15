"""For the tests of an app with notifications: what was notified, without Redis or a server.

``recording`` keeps what a notifier would push; the assertions on what it returns say what there
was if they fail. ``notifier.testing.pytest`` offers it as a fixture.
"""

from __future__ import annotations

from .follower import Follower
from .recorder import ANYTHING, Recorder, recording

__all__ = ["ANYTHING", "Follower", "Recorder", "recording"]
