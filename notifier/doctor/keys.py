"""The keys that sign tokens and seal pushes."""

from __future__ import annotations

from .report import Result, ok, warning, wrong
from .site import Site

__all__ = ["secret"]

LEAST_BYTES = 16
"""A key this long cannot be guessed if it is random: 128 bits."""

# What tutorials, templates and test suites use; whoever attacks tries them first.
_NOTORIOUS = frozenset(
    {
        *("change-me", "change_me", "changeit", "changeme", "changethis", "default", "dev"),
        *("development", "development key", "devkey", "example", "flask", "flasksecret"),
        *("hard to guess string", "insecure", "key", "mysecret", "mysecretkey", "notsecret"),
        *("password", "placeholder", "replace-me", "replaceme", "secret", "secret!", "secret-key"),
        *("secret_key", "secretkey", "super secret", "super secret key", "super-secret"),
        *("super-secret-key", "supersecret", "supersecretkey", "test", "testing", "thisisasecret"),
        *(
            "this-is-a-secret",
            "this should be changed",
            "todo",
            "topsecret",
            "you-will-never-guess",
        ),
        *("your secret key", "your-secret-key", "your-secret-key-here", "your_secret_key"),
        *(
            '_5#y2l"f4q8z\n\xec]/',
            "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        ),
        # Those of our own documentation and examples.
        *("change me", "for a look around only", "only-for-this-page"),
        "the output of: python -c 'import secrets; print(secrets.token_hex(32))'",
    }
)
_FEW_CHARACTERS = 4

_ADVICE = (
    "Whoever knows it can sign in as anybody. Set a long random one, the same in every process: "
    "python -c 'import secrets; print(secrets.token_hex(32))'"
)


def secret(site: Site) -> Result:
    """Whether the keys are long, and not the ones everybody knows."""
    settings = site.settings
    if not settings.secret_key and not settings.token_keys:
        return wrong("there is no SECRET_KEY, so no user token can be made", _ADVICE)
    keys = {"SECRET_KEY": settings.secret_key, "NOTIFIER_BROKER_KEY": settings.broker_key}
    keys |= {f"NOTIFIER_TOKEN_KEYS[{n}]": key for n, key in enumerate(settings.token_keys)}
    given = {name: key for name, key in keys.items() if key}
    for name, key in given.items():
        if problem := _weakness(key):
            return wrong(f"{name} {problem}", _ADVICE)
    if not settings.secret_key:
        return warning(
            f"{', '.join(given)} will do, but there is no SECRET_KEY",
            "Sessions of the app and the pushes through Redis use it. " + _ADVICE,
        )
    return ok(", ".join(f"{name} has {len(key.encode())} bytes" for name, key in given.items()))


def _weakness(key: str) -> str:
    if key.strip().lower() in _NOTORIOUS:
        return "is one that everybody knows"
    if len(key.encode()) < LEAST_BYTES:
        return f"has {len(key.encode())} bytes, which can be guessed; use {LEAST_BYTES} or more"
    if len(set(key)) <= _FEW_CHARACTERS:
        return "repeats itself, and can be guessed"
    return ""
