"""The app's database sessions, one for each app context."""

from __future__ import annotations

from flask import Flask
from flask.globals import app_ctx
from sqlalchemy import Engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

__all__ = ["context_session"]


def context_session(app: Flask, engine: Engine) -> scoped_session[Session]:
    """A session for each app context, closed at its end: a socket would pin a connection else."""
    factory = sessionmaker(engine, expire_on_commit=False)
    session = scoped_session(factory, scopefunc=_app_context)

    @app.teardown_appcontext
    def close(_error: BaseException | None) -> None:
        session.remove()

    return session


def _app_context() -> int:
    """Of nested contexts each has its own, so that the end of one leaves the others alone."""
    return id(app_ctx._get_current_object())  # type: ignore[attr-defined]
