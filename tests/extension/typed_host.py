"""A host that uses the whole public API, for `mypy --strict`: it is checked, not run."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import timedelta

import flask
from flask_socketio import SocketIO
from sqlalchemy import MetaData
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from notifier import (
    Badge,
    ConfigurationError,
    DatabaseUnavailable,
    Event,
    Finding,
    InvalidInput,
    MemoryPublisher,
    Message,
    Notifier,
    NotifierError,
    OutcomeUnknown,
    Publisher,
    Settings,
    StagingError,
    UnknownUser,
    create_engine,
    current_notifier,
    reader,
)

ERRORS: tuple[type[NotifierError], ...] = (
    ConfigurationError,
    DatabaseUnavailable,
    InvalidInput,
    StagingError,
    UnknownUser,
)


def known(ids: list[str]) -> Iterable[int]:
    return [int(one) for one in ids if one.isdecimal()]


def create_app() -> flask.Flask:
    app = flask.Flask(__name__)
    engine = create_engine("sqlite://", pool_size=5)
    session: scoped_session[Session] = scoped_session(sessionmaker(engine))
    publisher: Publisher = MemoryPublisher()
    notifier = Notifier(
        app,
        session=session,
        identify=lambda: flask.session.get("user_id"),
        known=known,
        socketio=SocketIO(app),
        engine=reader(engine),
        publisher=publisher,
    )
    notifier.register_tables(MetaData())
    notifier.create_tables()
    blueprints: list[flask.Blueprint] = notifier.blueprints
    settings: Settings = notifier.settings
    app.logger.info("%s %s %s", blueprints, settings.namespace, notifier.engine.url)
    return app


def order(buyer: int, others: Sequence[uuid.UUID]) -> int:
    current_notifier.send(buyer, "Thank you.", sender="shop")
    current_notifier.notify(others, "order_status", {"state": "shipped"})
    current_notifier.mark_read(buyer, up_to=current_notifier.head(buyer))
    current_notifier.mark_read(buyer, ids=[1, 2])
    return current_notifier.broadcast(others, "Sale!")


def inbox(user: uuid.UUID) -> tuple[Badge, int, list[Message], list[Event], str]:
    notifier = current_notifier
    badge = notifier.badge(user)
    page = notifier.list_messages(user, before=badge.since, limit=10)
    return badge, notifier.unread_count(user), page, notifier.since(user, 0.0), notifier.token(user)


def forget(user: uuid.UUID) -> tuple[list[str], object, object]:
    lines = list(current_notifier.export(user))
    lines.append(str(current_notifier.expire_notifications("report:*", timedelta(days=30))))
    return lines, current_notifier.erase(user), current_notifier.expire(timedelta(days=90))


def script() -> list[Finding]:
    jobs = Notifier.from_url("sqlite://", "redis://127.0.0.1", SECRET_KEY="x")
    try:
        with jobs.transaction() as session:
            jobs.send("alice", f"in {session.info}")
    except OutcomeUnknown as error:
        raise SystemExit(f"stored or not: {error.connection_invalidated}") from error
    jobs.flush(1.0)
    jobs.start()
    jobs.stop(timeout=1.0)
    return jobs.audit(repair=True)
