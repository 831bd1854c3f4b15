"""The parts, put together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from flask import Flask
from flask_wtf import CSRFProtect
from jinja2 import FileSystemLoader
from sqlalchemy import Engine

from notifier import Notifier, Settings, create_engine

from . import auth, cli, errors, inbox, security, times
from .config import configure
from .looks import hue
from .sessions import context_session
from .users import Base, Users

__all__ = ["build"]


def build(instance_path: str | os.PathLike[str] | None, config: Mapping[str, object]) -> Flask:
    """Make the app. Raises ConfigurationError."""
    instance = None if instance_path is None else os.path.abspath(instance_path)
    app = Flask("notifier.app", static_folder=None, template_folder=None, instance_path=instance)
    settings = configure(app, config)
    engine = _engine(settings)
    session = context_session(app, engine)
    users = Users(engine, session)
    auth.install(app, users)
    notifier = Notifier(
        app, engine=engine, session=session, identify=auth.signed_in_user, known=users.known
    )
    app.jinja_loader = FileSystemLoader(_templates(notifier))
    notifier.register_tables(Base.metadata)
    app.register_blueprint(auth.blueprint(users))
    app.register_blueprint(inbox.blueprint(notifier, users, session))
    csrf = CSRFProtect(app)
    for blueprint in notifier.blueprints:
        # They take JSON from their own origin, or a token.
        csrf.exempt(blueprint)
    security.protect(app)
    errors.register(app, notifier)
    cli.register(app, users)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(ago=times.ago, exact=times.exact, iso=times.iso, hue=hue)
    return app


def _templates(notifier: Notifier) -> Path:
    """The pages of this app, and the badge: beside the static files, which hold ours too."""
    return Path(str(notifier.blueprints[0].static_folder)).with_name("templates")


def _engine(settings: Settings) -> Engine:
    return create_engine(
        settings.database_url,
        pool_size=settings.pool_size,
        pool_timeout=settings.pool_timeout,
        busy_timeout=settings.busy_timeout,
        answer_timeout=settings.answer_timeout,
    )
