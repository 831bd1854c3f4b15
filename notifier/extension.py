"""``Notifier``: the parts, wired to an app."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, suppress
from typing import Any

import flask
from flask_socketio import SocketIO
from sqlalchemy import Engine, MetaData
from sqlalchemy.orm import Session

from . import bulk, messages
from .checks import Known, user_id
from .config import Settings, check_keywords
from .database import create_engine
from .errors import ConfigurationError, NotWired, StagingError
from .hostengine import beside
from .joining import Joining, Sessions
from .keeping import Keeping
from .ownstore import OwnStore
from .publisher import Publisher
from .reading import Reading
from .staging import Staging
from .store import Store
from .transactions import engine_of
from .unreachable import explain
from .web.hosting import check_app, check_callable, check_names
from .web.identity import Identity
from .web.joint import check_socketio
from .web.metrics import Metrics
from .web.outage import Outage
from .web.readiness import Readiness
from .web.serving import Serving
from .web.wiring import identity_of, publisher_of, register, settings_of

__all__ = ["Notifier"]

# For publishing what is held at a stop. A broker that is there takes it in a moment; one that is
# not is not waited for, as the sweep of whoever serves next announces it.
_PARTING_SECONDS = 2.0


class Notifier(Reading, Keeping):
    """Durable, real-time notifications for one app.

    ``session`` is the host's ``db.session``, a ``scoped_session`` or anything that returns the
    current SQLAlchemy session when called: what is sent joins its transaction. ``identify``
    returns the id of the signed-in user in a request, or None. ``known``, if given, takes user
    ids and returns those that exist; the HTTP API then refuses others. ``socketio`` is the host's
    Flask-SocketIO object, if it has one, on which we take a namespace. ``engine`` is the
    database of the notifier's own transactions: by default the session's, else
    ``DATABASE_URL``. ``publisher`` replaces the one that ``REDIS_URL`` asks for.

    Raises ConfigurationError for anything that cannot be used, and says what can.
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
        socketio: SocketIO | None = None,
        engine: Engine | None = None,
        publisher: Publisher | None = None,
    ) -> None:
        check_callable("identify", identify, "a function that returns the signed-in user's id")
        check_callable("known", known, "a function that returns those of its ids that exist")
        if socketio is not None:
            check_socketio(socketio)
        if engine is not None and not isinstance(engine, Engine):
            raise ConfigurationError(
                f"engine= cannot be a {type(engine).__name__}; pass notifier.create_engine(url)"
            )
        self.known = known
        self._joining = Joining(session)
        self._identify = identify
        self._host_socketio = socketio
        self._given_engine = engine
        self._given_publisher = publisher
        self._tables: list[MetaData] = []
        self.app: flask.Flask | None = None
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask) -> None:
        """Wire the notifier to ``app``, whose config and environment hold the settings.

        Raises ConfigurationError for a setting that cannot be used, or if the app or this
        notifier is wired already.
        """
        shared = self._host_socketio is not None
        check_app(app, self, has_socketio=shared)
        settings = settings_of(app, shared=shared)
        check_names(app, settings.blueprint)
        self.app = app
        self._configure(settings)
        self.identity = identity_of(app, settings, self._identify)
        app.extensions["notifier"] = self
        self.blueprints = register(app, self, self._host_socketio)

    @classmethod
    def from_url(
        cls,
        database_url: str,
        redis_url: str = "",
        *,
        session: Sessions | None = None,
        **settings: object,
    ) -> Notifier:
        """A notifier without an app, for a script, a task or a shell, where nothing listens.

        It may be used by many threads and taken across a fork. ``session`` is one to join, as in
        ``Notifier``. ``settings`` are ``NOTIFIER_…`` keys and ``SECRET_KEY``. What is not given,
        an empty URL included, comes from the environment. Raises ConfigurationError for a malformed
        URL or a keyword that is no setting; a database that cannot be reached is a
        DatabaseUnavailable when it is first used.
        """
        check_keywords(settings)
        notifier = cls(session=session)
        urls = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
        notifier._configure(Settings.load({**settings, **urls}))
        notifier.identity = identity_of(None, notifier.settings)
        return notifier

    def __getattr__(self, name: str) -> Any:
        # Of a property that raises an AttributeError only its name gets here.
        later = name in ("_staging", "_store", "store", "engine") and "_store" not in vars(self)
        if later or name in Notifier.__annotations__:
            needed = "an app: call init_app(app)" if "settings" in vars(self) else "init_app(app)"
            raise NotWired(f"the notifier has no {name} yet; it needs {needed} first")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _configure(self, settings: Settings) -> None:
        self.settings = settings
        self.publisher = self._given_publisher or publisher_of(settings)
        self._staging = Staging(self.publisher)
        self._store = OwnStore(self._engine, self.publisher)

    # -- what is sent joins a transaction -------------------------------------------------

    def send(self, to: object, body: str, *, sender: object = None) -> None:
        """Send ``body`` to one user or many when the current transaction commits.

        Raises InvalidInput, or StagingError where there is no transaction to join.
        """
        self._staging.stage(self._joining.current(), messages.send(self.settings, to, body, sender))

    def notify(self, to: object, name: str, data: Any) -> None:
        """Set notification ``name`` of one user or many to ``data``, which is finite JSON, when
        the current transaction commits. Raises like ``send``.
        """
        self._staging.stage(self._joining.current(), messages.notify(self.settings, to, name, data))

    def mark_read(
        self, user: object, *, up_to: float | None = None, ids: list[int] | None = None
    ) -> None:
        """Mark a user's messages read, up to a timestamp or by ids, when the current transaction
        commits. Raises like ``send``.
        """
        self._staging.stage(self._joining.current(), [messages.mark_read(user, up_to, ids)])

    def broadcast(self, to: Iterable[object], body: str, *, sender: object = None) -> int:
        """Send ``body`` to any number of users, now, some thousands in a transaction; how many.

        For one transaction use ``send``. Raises InvalidInput, or what the database raises, with
        a note of how many recipients had been served by then.
        """
        return bulk.broadcast(self.store, self.settings, to, body, sender)

    def transaction(self) -> AbstractContextManager[Session]:
        """A session of the notifier's own, committed at the end; what is sent inside joins it."""
        return self._joining.own(self.engine)

    # -- running --------------------------------------------------------------------------

    def token(self, user: object) -> str:
        """A token with which a program can follow the events of ``user``."""
        return self.identity.tokens.make(user_id(user, "user"))

    @property
    def engine(self) -> Engine:
        """The database of the notifier's own transactions."""
        return self.store.engine

    @property
    def store(self) -> Store:
        """The core, on the engine."""
        return self._store.get()

    def _engine(self) -> tuple[Engine, bool]:
        """The engine, and whether it is our own."""
        given = self._given_engine
        if given is not None and not self._is_of_sessions(given):
            return given, False
        if self._joining.has_host:
            host = given or self._engine_of_sessions()
            engine = beside(host)
            return engine, engine is not host
        settings = self.settings
        engine = create_engine(
            settings.database_url,
            pool_size=settings.pool_size,
            pool_timeout=settings.pool_timeout,
            busy_timeout=settings.busy_timeout,
            answer_timeout=settings.answer_timeout,
        )
        if self.app is None:
            explain(engine)
        return engine, True

    def _engine_of_sessions(self) -> Engine:
        app = self.app
        # The context of another app would give that app's database.
        if app is None or not flask.has_app_context() or flask.current_app == app:
            try:
                return engine_of(self._joining.of_host())
            except StagingError:
                if app is None or flask.has_app_context():
                    raise
        # Only where it has to be: at its end a host rolls its current session back.
        with app.app_context():
            return engine_of(self._joining.of_host())

    def _is_of_sessions(self, engine: Engine) -> bool:
        """Whether the host's sessions take their connections from there."""
        if not self._joining.has_host:
            return False
        with suppress(StagingError):  # their database is of another kind
            return self._engine_of_sessions().pool is engine.pool
        return False

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

    def flush(self, timeout: float = 2.0) -> None:
        """Wait until what was committed has left for the broker, at most ``timeout`` seconds.

        For processes that end without running exit handlers, as RQ's do after each job.
        """
        self.publisher.flush(timeout)

    def stop(self, timeout: float = 5.0) -> None:
        """Publish what is held, disconnect the sockets, end the background work."""
        if self.app is not None:
            self.outage.stop()
            self.serving.stop(timeout)
        self.publisher.close(min(timeout, _PARTING_SECONDS))
        if self.app is not None:
            self.metrics.save()
