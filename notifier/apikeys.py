"""API keys: what a program shows that sends to anyone. Only a hash of each is stored."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import SQLAlchemyError

from .database import reader
from .errors import InvalidInput, TokenError, TokenRevoked
from .models import api_keys
from .stamps import Clock, system_clock

__all__ = ["PREFIX", "REMEMBERED_SECONDS", "SCOPES", "ApiKey", "ApiKeys", "StoredKey"]

log = logging.getLogger("notifier")

PREFIX = "nk_"
"""What every API key begins with, so that scanners for leaked secrets can find one."""

SCOPES = ("messages", "notifications")
"""What a key may be allowed to write."""

REMEMBERED_SECONDS = 5.0
"""How long a process goes on accepting a key without asking the database whether it is revoked."""

_USED_EVERY = 60_000_000  # microseconds between two notes that a key was used
_LONGEST_NAME = 64
_FORM = re.compile(r"nk_([0-9a-f]{16})_([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that was found good, by its id, with what it may write."""

    id: str
    scopes: frozenset[str]

    @property
    def label(self) -> str:
        """Names the key among all callers."""
        return f"key:{self.id}"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as it is listed. The times are stamps, None for never."""

    id: str
    name: str
    scopes: str
    created: int
    last_used: int | None
    revoked: int | None


class ApiKeys:
    """The keys in a database. ``engine`` is asked for when it is first needed.

    A key that was found good is remembered for ``REMEMBERED_SECONDS``.
    """

    def __init__(
        self,
        engine: Callable[[], Engine],
        clock: Clock = system_clock,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._now = now
        self._good: dict[str, tuple[str, ApiKey, float]] = {}
        self._complained = False

    def make(self, name: str, scopes: Iterable[str] = SCOPES) -> str:
        """A new key, which is told here and never again.

        Raises InvalidInput for a name of other than 1 to 64 characters or an unknown scope.
        """
        chosen = list(dict.fromkeys(scopes))
        if not chosen or not set(chosen) <= set(SCOPES):
            raise InvalidInput("scope", f"must be one or more of {', '.join(SCOPES)}")
        if not 1 <= len(name.strip()) <= _LONGEST_NAME or not name.isprintable():
            raise InvalidInput("name", f"must be 1 to {_LONGEST_NAME} printable characters")
        id, secret = secrets.token_hex(8), secrets.token_hex(32)
        row = {
            "id": id,
            "name": name.strip(),
            "digest": _digest(secret),
            "scopes": " ".join(chosen),
            "created": self._clock(),
        }
        with self._engine().begin() as connection:
            connection.execute(api_keys.insert(), row)
        return f"{PREFIX}{id}_{secret}"

    def all(self) -> list[StoredKey]:
        """Every key there is or was, oldest first."""
        columns = [api_keys.c[name] for name in StoredKey.__dataclass_fields__]
        statement = select(*columns).order_by(api_keys.c.created, api_keys.c.id)
        with reader(self._engine()).connect() as connection:
            return [StoredKey(*row) for row in connection.execute(statement)]

    def revoke(self, id: str) -> None:
        """Let a key be good no more: here at once, elsewhere within ``REMEMBERED_SECONDS``.

        Repeats are harmless. Raises InvalidInput if there is no such key.
        """
        self._good.pop(id, None)
        change = update(api_keys).where(api_keys.c.id == id)
        with self._engine().begin() as connection:
            connection.execute(
                change.where(api_keys.c.revoked.is_(None)).values(revoked=self._clock())
            )
            if connection.execute(select(api_keys.c.id).where(api_keys.c.id == id)).first() is None:
                raise InvalidInput("id", f"there is no key {id!r}; `flask notifier keys` lists all")

    def verify(self, shown: str) -> ApiKey:
        """The key that somebody shows.

        Raises TokenError for what is no key of ours, TokenRevoked for one that is no longer good.
        """
        match = _FORM.fullmatch(shown)
        if match is None:
            raise TokenError("this is no API key; send it unchanged, beginning with 'nk_'")
        id, secret = match.groups()
        digest, key, until = self._good.get(id) or ("", None, 0.0)
        if key is None or until < self._now():
            digest, key = self._look_up(id, secret)
        if not hmac.compare_digest(digest, _digest(secret)):
            raise _unknown()
        return key

    def _look_up(self, id: str, secret: str) -> tuple[str, ApiKey]:
        """The digest and the key of this id, if the secret is right; remembered for a while."""
        until = self._now() + REMEMBERED_SECONDS
        columns = (api_keys.c.digest, api_keys.c.scopes, api_keys.c.last_used, api_keys.c.revoked)
        with reader(self._engine()).connect() as connection:
            row = connection.execute(select(*columns).where(api_keys.c.id == id)).first()
        if row is None or not hmac.compare_digest(row.digest, _digest(secret)):
            raise _unknown()
        if row.revoked is not None:
            self._good.pop(id, None)
            raise TokenRevoked("this API key has been revoked; ask for a new one")
        self._note_use(id, row.last_used)
        key = ApiKey(id, frozenset(row.scopes.split()))
        self._good[id] = (row.digest, key, until)
        return row.digest, key

    def _note_use(self, id: str, last_used: int | None) -> None:
        """Write down that a key was used, unless that was done within the last minute."""
        now = self._clock()
        if last_used is not None and abs(now - last_used) < _USED_EVERY:
            return
        # Of several workers that see it at the same time, one writes.
        as_seen = api_keys.c.last_used.is_not_distinct_from(last_used)
        change = update(api_keys).where(api_keys.c.id == id, as_seen).values(last_used=now)
        try:
            with self._engine().begin() as connection:
                connection.execute(change)
        except SQLAlchemyError as error:
            if not self._complained:
                log.warning(
                    "When an API key was last used could not be written down; requests with it "
                    "are served all the same, and the next one tries again: %s",
                    error,
                )
            self._complained = True


def _digest(secret: str) -> str:
    # One round of SHA-256 is enough, unlike for a password: nobody guesses 256 random bits, however
    # fast he can try, and this runs for every request.
    return hashlib.sha256(secret.encode()).hexdigest()


def _unknown() -> TokenError:
    return TokenError("this API key is not known; `flask notifier key NAME` makes one")
