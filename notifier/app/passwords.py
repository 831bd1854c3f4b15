"""Password rules and hashes."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from notifier import InvalidInput

__all__ = ["LONGEST", "SHORTEST", "Passwords", "check_password"]

SHORTEST = 8
"""Fewest characters of a password, as NIST SP 800-63B asks."""

LONGEST = 200
"""Most characters: enough for any passphrase, too few to keep a worker busy."""

# The argon2id minimum of OWASP's Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane. About
# 35 ms of CPU, during which a worker does nothing else.
_MEMORY_KIB = 19 * 1024
_PASSES = 2
_LANES = 1

# The hash of a random text with the parameters above, for the time it takes to verify.
_NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$"
    "WaP7Hy/NrM5b9JWq2HEdig$jkaGSNSpEBw+BDtGwZRQJm9SOjZA8siVZ9vFWrLgl7c"
)


def check_password(password: str) -> str:
    """Return a new password that follows the rules. Raises InvalidInput for another."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput("password", f"must have {SHORTEST} to {LONGEST} characters")
    if "\x00" in password or any("\ud800" <= char <= "\udfff" for char in password):
        raise InvalidInput("password", "holds a NUL or half of a character")
    return password


class Passwords:
    """Makes and verifies argon2id hashes."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(_PASSES, _MEMORY_KIB, _LANES)

    def hash(self, password: str) -> str:
        """Return the hash to store for ``password``."""
        return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether ``password`` made the stored hash; without one, take the same time."""
        try:
            self._hasher.verify(stored or _NOBODY, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    def outdated(self, stored: str) -> bool:
        """Tell whether a hash was made with other parameters than a new one would be."""
        return self._hasher.check_needs_rehash(stored)
