"""The notifier of the current app, for modules that have no other way to reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import flask
from werkzeug.local import LocalProxy

from .errors import ConfigurationError

if TYPE_CHECKING:
    from .extension import Notifier

__all__ = ["current_notifier"]


def _find() -> Notifier:
    found = flask.current_app.extensions.get("notifier")
    if found is None:
        raise ConfigurationError("this app has no notifier: call Notifier(app) or init_app(app)")
    return cast("Notifier", found)


current_notifier = cast("Notifier", LocalProxy(_find))
"""The notifier of the app whose context is active, as ``current_app`` is that app."""
