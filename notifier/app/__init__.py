"""The reference app: users, an inbox and a live badge, on the public API of ``notifier`` alone.

Importing this module is cheap; the web stack is loaded when the app is made.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["create_app"]


def create_app(
    instance_path: str | os.PathLike[str] | None = None,
    config: Mapping[str, object] | None = None,
) -> Flask:
    """Make the app; tables are made by ``flask --app wsgi notifier init-db``, never here.

    ``instance_path`` is the folder of ``secret_key`` and of the SQLite file; by default Flask's
    instance folder. ``config`` wins over the environment.

    Raises ConfigurationError for a setting that cannot be used, or if there is no secret key.
    """
    from .factory import build

    return build(instance_path, config or {})
