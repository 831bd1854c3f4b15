"""Fixtures, for who asks for them: ``pytest_plugins = ["notifier.testing.pytest"]``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import flask
import pytest

from ..extension import Notifier
from .recorder import Recorder, recording

__all__ = ["notifications"]


@pytest.fixture
def notifications(app: flask.Flask) -> Iterator[Recorder]:
    """What is notified during the test, by the app of your fixture ``app``."""
    with recording(cast(Notifier, app.extensions["notifier"])) as recorder:
        yield recorder
