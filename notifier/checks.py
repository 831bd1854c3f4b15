"""What may come in: user ids, names, data and bodies. Nothing unchecked reaches the database."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable

from .errors import InvalidInput, UnknownUser
from .models import UNREAD, USER_ID_LENGTH

__all__ = ["Known", "body", "data", "ids", "known", "name", "patterns", "recipients", "user_id"]

Known = Callable[[list[str]], Iterable[object]]
"""Returns those of the user ids that the host has."""

_NAME = re.compile(r"[a-z][a-z0-9_.:-]{0,63}", re.ASCII)
# Names that Socket.IO's client or our own wire contract gives another meaning.
_TAKEN = frozenset(
    {
        "head",
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "message",
        "error",
        "newListener",
        "removeListener",
    }
)
_LARGEST_ID = 2**63 - 1
# Far below the recursion limits of the JSON parsers that the data still has to pass.
_DEEPEST = 64


# NUL is nothing PostgreSQL stores, and a lone surrogate nothing UTF-8 can express.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def _storable(text: str) -> bool:
    """Whether every database takes the text."""
    return _UNSTORABLE.search(text) is None


def user_id(value: object, field: str = "to") -> str:
    """The text form of a user id. Raises InvalidInput if it cannot be one."""
    text = value if type(value) is str else _printed(value, field)
    if not 1 <= len(text) <= USER_ID_LENGTH:
        raise InvalidInput(field, f"a user id has 1 to {USER_ID_LENGTH} characters")
    if not _storable(text):
        raise InvalidInput(field, "a user id holds no NUL and no lone surrogate")
    return text


def _printed(value: object, field: str) -> str:
    if isinstance(value, str):
        # Of an enum with values, the value.
        return str.__str__(value)
    nameless = type(value).__str__ is object.__str__ and type(value).__repr__ is object.__repr__
    if value is None or nameless or isinstance(value, bool | float | Collection | type):
        raise InvalidInput(field, "must be a user id: a string, an integer or a UUID")
    return str(value)


def recipients(to: object, limit: int) -> list[str]:
    """One user id or an iterable of them as a list without repeats, in the order given.

    Raises InvalidInput if there is none, one is malformed or there are more than ``limit``.
    """
    many = to if isinstance(to, Iterable) and not isinstance(to, str | bytes | dict) else [to]
    users = list(dict.fromkeys(user_id(one) for one in many))
    if not users:
        raise InvalidInput("to", "names no recipient")
    if len(users) > limit:
        raise InvalidInput("to", f"names more than {limit} recipients; send in several calls")
    return users


def name(value: object) -> str:
    """A notification's name. Raises InvalidInput if it is malformed or taken."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise InvalidInput(
            "name", "must be 1 to 64 of a-z, 0-9, '_', '.', ':', '-', beginning with a letter"
        )
    if value in _TAKEN:
        raise InvalidInput("name", f"{value!r} has a meaning in Socket.IO; choose another")
    if value == UNREAD:
        raise InvalidInput("name", f"{UNREAD!r} follows the messages; use send and mark_read")
    return value


def patterns(value: object) -> list[str]:
    """One name of notifications or an iterable of them as a list; ``*`` at the end stands for all.

    Raises InvalidInput for a malformed one, and for a lone ``*``, which would be everything.
    """
    many = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    names = list(many)
    for one in names:
        if not isinstance(one, str) or not _NAME.fullmatch(one.removesuffix("*")):
            raise InvalidInput("names", f"{one!r} is neither a name nor the beginning of one and *")
    if not names:
        raise InvalidInput("names", "names no notification")
    return names


def data(value: object, limit: int) -> object:
    """A notification's data as it will come back from the database.

    Raises InvalidInput unless it is finite JSON of at most ``limit`` bytes.
    """
    try:
        encoded = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput("data", f"must be finite JSON: {error}") from error
    if len(encoded) > limit:
        raise InvalidInput("data", f"is larger than {limit} bytes as JSON")
    plain = json.loads(encoded)
    if _deeper_than(_DEEPEST, plain):
        raise InvalidInput("data", f"is nested deeper than {_DEEPEST} levels")
    return plain


def _deeper_than(levels: int, value: object) -> bool:
    if not isinstance(value, dict | list):
        return False
    children = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper_than(levels - 1, child) for child in children)


def body(value: object, limit: int) -> str:
    """A message's text. Raises InvalidInput if it is empty, unstorable or over ``limit``."""
    if not isinstance(value, str):
        raise InvalidInput("body", "must be text")
    if not value.strip():
        raise InvalidInput("body", "is empty")
    if len(value) > limit:
        raise InvalidInput("body", f"is longer than {limit} characters")
    if not _storable(value):
        raise InvalidInput("body", "holds a NUL or a lone surrogate, which cannot be stored")
    return value


def ids(value: object, limit: int) -> tuple[int, ...]:
    """Message ids to mark read. Raises InvalidInput unless they are a list of 64-bit integers."""
    if not isinstance(value, list | tuple | set | frozenset):
        raise InvalidInput("ids", "must be a list of message ids")
    if len(value) > limit:
        raise InvalidInput("ids", f"holds more than {limit} ids; use up_to or several calls")
    for one in value:
        if isinstance(one, bool) or not isinstance(one, int) or not 0 < one <= _LARGEST_ID:
            raise InvalidInput("ids", "must be a list of message ids, each a positive integer")
    return tuple(value)


def known(has: Known | None, users: Iterable[str], field: str = "to") -> None:
    """Raises UnknownUser, of ``field``, for ``users`` that ``has``, if given, does not return."""
    if has is None:
        return
    asked = list(users)
    unknown = sorted(set(asked) - {str(user) for user in has(asked)})
    if unknown:
        named = ", ".join(repr(user) for user in unknown[:5])
        raise UnknownUser(field, f"no such user: {named}")
