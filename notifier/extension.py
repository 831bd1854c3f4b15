"""``Notifier``: the parts, wired to an app."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import flask
from flask_socketio import SocketIO
from sqlalchemy import Engine, MetaData
from sqlalchemy.orm import Session

from . import bulk, messages
from .audit import Finding
from .checks import user_id
from .config import Settings
from .database import create_engine
from .errors import ConfigurationError, StagingError
from .keeping import Keeping
from .messages import Message
from .operations import Badge, Event
from .publisher import Publisher
from .staging import Staging, engine_of
from .stamps import from_seconds
from .store import Store
from .web.identity import Identity
from .web.metrics import Metrics
from .web.outage import Outage
from .web.readiness import Readiness
from .web.serving import Serving
from .web.wiring import identity_of, publisher_of, register, with_embedded_broker

__all__ = ["Notifier"]

Sessions = Callable[[], Session]
Known = Callable[[list[str]], Iterable[object]]


class Notifier(Keeping):
    """Durable, real-time notifications for one app.

    ``session`` is the host's ``db.session``, a ``scoped_session`` or anything that returns the
    current SQLAlchemy session when called: what is sent joins its transaction. ``identify``
    returns the id of the signed-in user in a request, or None. ``known``, if given, takes user
    ids and returns those that exist; the HTTP API then refuses others. ``engine`` is the
    database of the notifier's own transactions: by default the session's, else
    ``DATABASE_URL``. ``publisher`` replaces the one that ``REDIS_URL`` asks for.
    """

    settings: Settings
    publisher: Publisher
    identity: Identity
    socketio: SocketIO
    serving: Serving
    outage: Outage
    readiness: Readiness
    metrics: Metrics
    blueprints: list[flask.Blueprint]

    def __init__(
        self,
        app: flask.Flask | None = None,
        *,
        session: Sessions | None = None,
        identify: Callable[[], object] | None = None,
        known: Known | None = None,
        engine: Engine | None = None,
        publisher: Publisher | None = None,
    ) -> None:
        self.known = known
        self._host_session = session
        self._identify = identify
        self._given_engine = engine
        self._given_publisher = publisher
        self._transaction: ContextVar[Session | None] = ContextVar("transaction", default=None)
        self._tables: list[MetaData] = []
        self.app: flask.Flask | None = None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask) -> None:
        """Wire the notifier to ``app``, whose config and environment hold the settings.

        Raises ConfigurationError for a setting that cannot be used, or if the app or this
        notifier is wired already.
        """
        if self.app is not None or "notifier" in app.extensions:
            raise ConfigurationError("init_app was called twice; one notifier belongs to one app")
        self.app = app
        self._configure(with_embedded_broker(Settings.load(app.config), app.instance_path))
        self.identity = identity_of(app, self.settings, self._identify)
        app.extensions["notifier"] = self
        self.blueprints = register(app, self)

    @classmethod
    def from_url(cls, database_url: str, redis_url: str = "", **settings: object) -> Notifier:
        """A notifier without an app, for a script, a task or a shell, where nothing listens.

        ``settings`` are ``NOTIFIER_…`` keys, which otherwise come from the environment. Raises
        ConfigurationError for a malformed URL.
        """
        notifier = cls()
        urls = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        notifier._configure(Settings.load({**settings, **urls}))
        return notifier

    def _configure(self, settings: Settings) -> None:
        self.settings = settings
        self.publisher = self._given_publisher or publisher_of(settings)
        self._staging = Staging(self.publisher)
        self._store: Store | None = None

    # -- what is sent joins a transaction -------------------------------------------------

    def send(self, to: object, body: str, *, sender: object = None) -> None:
        """Send ``body`` to one user or many when the current transaction commits.

        Raises InvalidInput, or StagingError where there is no transaction to join.
        """
        self._staging.stage(self._session(), messages.send(self.settings, to, body, sender))

    def notify(self, to: object, name: str, data: Any) -> None:
        """Set notification ``name`` of one user or many to ``data``, which is finite JSON, when
        the current transaction commits. Raises like ``send``.
        """
        self._staging.stage(self._session(), messages.notify(self.settings, to, name, data))

    def mark_read(
        self, user: object, *, up_to: float | None = None, ids: list[int] | None = None
    ) -> None:
        """Mark a user's messages read, up to a timestamp or by ids, when the current transaction
        commits. Raises like ``send``.
        """
        self._staging.stage(self._session(), [messages.mark_read(user, up_to, ids)])

    def broadcast(self, to: Iterable[object], body: str, *, sender: object = None) -> int:
        """Send ``body`` to any number of users, now, some thousands in a transaction; how many.

        For one transaction use ``send``. Raises InvalidInput, or what the database raises, with
        a note of how many recipients had been served by then.
        """
        return bulk.broadcast(self.store, self.settings, to, body, sender)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session of the notifier's own, committed at the end; what is sent inside joins it."""
        with Session(self.engine) as session, session.begin():
            before = self._transaction.set(session)
            try:
                yield session
            finally:
                self._transaction.reset(before)

    def _session(self) -> Session:
        current = self._transaction.get()
        if current is not None:
            return current
        if self._host_session is None:
            raise StagingError(
                "there is no transaction to join: pass session= to Notifier, or use "
                "`with notifier.transaction():`"
            )
        try:
            return self._host_session()
        except RuntimeError as error:
            raise StagingError(
                f"the app's session cannot be used here ({error}); push an app context, or use "
                "`with notifier.transaction():`"
            ) from error

    # -- what can be read -----------------------------------------------------------------

    def badge(self, user: object) -> Badge:
        """The unread count of ``user`` and the cursor that belongs to it, of one moment."""
        return self.store.badge(user_id(user, "user"))

    def unread_count(self, user: object) -> int:
        """How many messages ``user`` has not read."""
        return self.badge(user).count

    def head(self, user: object) -> float:
        """The timestamp of the user's newest notification, 0 if there is none."""
        return self.badge(user).since

    def since(self, user: object, since: float = 0.0) -> list[Event]:
        """The user's notifications after the timestamp ``since``, ascending."""
        stamp = from_seconds(since, "since")
        return self.store.since(user_id(user, "user"), stamp)

    def list_messages(
        self, user: object, before: float | None = None, limit: int = 20
    ) -> list[Message]:
        """The user's messages, newest first, older than the timestamp ``before``."""
        return self.store.list_messages(user_id(user, "user"), before, limit)

    def audit(self, repair: bool = False) -> list[Finding]:
        """What is wrong in the database; with ``repair`` it is also set right."""
        return self.store.audit(repair)

    def token(self, user: object) -> str:
        """A token with which a program can follow the events of ``user``."""
        return self.identity.tokens.make(user_id(user, "user"))

    # -- running --------------------------------------------------------------------------

    @property
    def engine(self) -> Engine:
        """The database of the notifier's own transactions."""
        return self.store.engine

    @property
    def store(self) -> Store:
        """The core, on the engine."""
        if self._store is None:
            self._store = Store(self._engine(), self.publisher)
        return self._store

    def _engine(self) -> Engine:
        if self._given_engine is not None:
            return self._given_engine
        if self._host_session is not None and self.app is not None:
            with self.app.app_context():
                return engine_of(self._host_session())
        settings = self.settings
        return create_engine(
            settings.database_url,
            pool_size=settings.pool_size,
            pool_timeout=settings.pool_timeout,
            busy_timeout=settings.busy_timeout,
            answer_timeout=settings.answer_timeout,
        )

    def register_tables(self, metadata: MetaData) -> None:
        """Let ``create_tables`` make the app's own tables too."""
        self._tables.append(metadata)

    def create_tables(self) -> None:
        """Make the tables that are missing, and bring ours to the schema of this version.

        Safe to repeat, and in several processes at once. Raises ConfigurationError if a table of
        somebody else has one of our names, or the database is newer than this version.
        """
        self.store.create_tables(self._tables)

    def start(self) -> None:
        """Get ready to serve: the broker's subscription is up, or was waited for in vain."""
        self.serving.start()
        self.readiness.database()
        self.serving.wait_ready()

    def stop(self, timeout: float = 5.0) -> None:
        """Publish what is held, disconnect the sockets, end the background work."""
        if self.app is not None:
            self.outage.stop()
            self.serving.stop(timeout)
        self.publisher.close(timeout)
        if self.app is not None:
            self.metrics.save()
