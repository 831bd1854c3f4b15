"""User tokens: signed, expiring, and revoked by dropping the key they were signed with.

A token is ``<key id>.<payload>``. The key id is the beginning of a hash of the key, so that a
token of a key that was dropped is told apart from a forged one; the payload is signed by
itsdangerous.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence

from itsdangerous import BadSignature, URLSafeSerializer

from ..apikeys import PREFIX
from ..errors import ConfigurationError, TokenError, TokenExpired, TokenRevoked

__all__ = ["Tokens"]

_SALT = "notifier.user-token"
_KEY_ID_LENGTH = 8
_MOST_REMEMBERED = 4_096


class Tokens:
    """Makes and reads the tokens of users. ``keys`` are newest first; the first one signs."""

    def __init__(
        self, keys: Sequence[str], max_age: int, now: Callable[[], float] = time.time
    ) -> None:
        self._serializers = {_key_id(key): URLSafeSerializer(key, salt=_SALT) for key in keys}
        self._max_age = max_age
        self._read: dict[str, tuple[str, float]] = {}
        self._now = now

    def make(self, user: str) -> str:
        """A token for ``user``. Raises ConfigurationError if there is no key to sign with."""
        if not self._serializers:
            raise ConfigurationError("set SECRET_KEY or NOTIFIER_TOKEN_KEYS to make user tokens")
        key_id, serializer = next(iter(self._serializers.items()))
        expires = int(self._now()) + self._max_age
        return f"{key_id}.{serializer.dumps([user, expires])}"

    def user(self, token: object) -> str:
        """The user whose token this is.

        Raises TokenRevoked if its key is no longer in use, TokenExpired if its time is over,
        and TokenError for anything that is no token of ours.
        """
        if isinstance(token, str) and token.startswith(PREFIX):
            raise TokenError("this is an API key, which has no inbox; send a user token")
        if not isinstance(token, str) or "." not in token:
            raise TokenError("this is no user token; ask for one and send it unchanged")
        user, expires = self._read.get(token) or self._verified(token)
        if expires < self._now():
            raise TokenExpired("this user token has expired; ask for a new one")
        return user

    def _verified(self, token: str) -> tuple[str, float]:
        """What a token says, once its signature was found right; remembered for the next time."""
        key_id, _, payload = token.partition(".")
        serializer = self._serializers.get(key_id)
        if serializer is None:
            raise TokenRevoked("the key of this user token is no longer in use; ask for a new one")
        try:
            user, expires = serializer.loads(payload)
        except (BadSignature, TypeError, ValueError) as error:
            raise TokenError("the signature of this user token does not fit") from error
        if len(self._read) >= _MOST_REMEMBERED:
            self._read.clear()
        said = self._read[token] = str(user), float(expires)
        return said


def _key_id(key: str) -> str:
    return hashlib.sha256(f"{_SALT}:{key}".encode()).hexdigest()[:_KEY_ID_LENGTH]
