"""Where the app's config comes from: what was passed, the environment, the instance folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from flask import Flask

from notifier import ConfigurationError, Settings

__all__ = ["configure"]

DEFAULTS = {
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    # Two weeks from the last change of the session; a poll must not prolong it.
    "PERMANENT_SESSION_LIFETIME": timedelta(days=14),
    "SESSION_REFRESH_EACH_REQUEST": False,
    # A form may stay open for as long as its session lives.
    "WTF_CSRF_TIME_LIMIT": None,
}

# A character of a form takes up to 4 bytes, each sent as %XX; the rest of it fits in 64 KB.
_BYTES_PER_CHARACTER = 12
_OTHER_FIELDS = 64 * 1024

_UNSIGNED = """\
There is no secret key, without which no session can be signed. `make run` creates {path}; \
elsewhere set SECRET_KEY to a long random text, for example from: \
python -c 'import secrets; print(secrets.token_hex(32))'"""


def configure(app: Flask, given: Mapping[str, object]) -> Settings:
    """Fill ``app.config`` and return the notifier's settings.

    Raises ConfigurationError for a setting that cannot be used, or if there is no secret key.
    """
    app.config.update(DEFAULTS)
    app.config.update(given)
    instance = Path(app.instance_path)
    app.config["SECRET_KEY"] = app.config["SECRET_KEY"] or _secret_key(instance)
    if not (app.config.get("DATABASE_URL") or os.environ.get("DATABASE_URL")):
        app.config["DATABASE_URL"] = _sqlite(instance)
    settings = Settings.load(app.config)
    largest_form = settings.max_body * _BYTES_PER_CHARACTER + _OTHER_FIELDS
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_CONTENT_LENGTH"] or largest_form
    return settings


def _secret_key(instance: Path) -> str:
    path = instance / "secret_key"
    key = os.environ.get("SECRET_KEY") or (path.read_text().strip() if path.is_file() else "")
    if not key:
        raise ConfigurationError(_UNSIGNED.format(path=path))
    return key


def _sqlite(instance: Path) -> str:
    try:
        instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"the instance folder cannot be made ({error}): set DATABASE_URL, or pass another "
            "instance_path"
        ) from error
    return f"sqlite:///{instance / 'notifier.sqlite3'}"
