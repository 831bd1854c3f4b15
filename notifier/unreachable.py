"""What a script is told when it cannot use its database, instead of what the driver says."""

from __future__ import annotations

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from .errors import ConfigurationError, DatabaseUnavailable
from .models import metadata
from .outages import is_missing_table, reason

__all__ = ["explain"]


def explain(engine: Engine) -> None:
    """Let ``engine`` raise DatabaseUnavailable if it cannot connect, and ConfigurationError if our
    tables are missing.
    """
    event.listen(engine, "handle_error", _explained)


def _explained(context: ExceptionContext) -> None:
    error = context.sqlalchemy_exception
    if error is None or context.engine is None:
        return
    url = context.engine.url.render_as_string()
    if context.connection is None:
        raise DatabaseUnavailable(
            f"the database {url} cannot be reached: {reason(error)}; check the URL, and that its "
            "server runs and lets this user in"
        )
    if is_missing_table(error) and any(table in str(error.args) for table in metadata.tables):
        raise ConfigurationError(
            f"the notifier's tables are missing in {url}; run `flask notifier init-db`, or "
            "notifier.create_tables() once"
        )
