"""Every error this package raises on purpose. The text of an error is meant for its reader."""

from __future__ import annotations

__all__ = [
    "ConfigurationError",
    "DatabaseUnavailable",
    "InFlight",
    "InvalidInput",
    "NotWired",
    "NotifierError",
    "StagingError",
    "TokenError",
    "TokenExpired",
    "TokenRevoked",
    "UnknownUser",
]


class NotifierError(Exception):
    """Something in notifications went wrong; the message says what to do about it."""


class ConfigurationError(NotifierError):
    """A setting is missing or contradicts another one."""


class NotWired(ConfigurationError, AttributeError):
    """An attribute is there once the notifier has an app; until then ``hasattr`` says so too."""


class DatabaseUnavailable(NotifierError):
    """A script cannot reach its database; the message says which, and what was answered."""


class StagingError(NotifierError):
    """A session cannot carry notifications to its commit."""


class InFlight(NotifierError):
    """The same request is being carried out at this moment; send it again a little later."""


class InvalidInput(NotifierError, ValueError):
    """A value that was passed in cannot be used; ``field`` names it."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class UnknownUser(InvalidInput):
    """A recipient that the application does not know."""


class TokenError(NotifierError):
    """A user token was not accepted; sign in again to get a new one."""

    code = "unauthorized"


class TokenExpired(TokenError):
    """A user token is past its time; ask for a new one."""

    code = "expired"


class TokenRevoked(TokenError):
    """A user token was signed with a key that is no longer in use; ask for a new one."""

    code = "revoked"
