"""What a worker has to say to the application it serves, which may have no notifier."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["find_notifier", "lacking_for", "stop_notifier"]

# Where WSGI middleware keeps what it wraps; a bound method (``flask_app.wsgi_app``) names its app.
_WRAPPED = ("app", "wsgi_app", "flask_app", "application", "__wrapped__", "__self__")
# Where werkzeug's DispatcherMiddleware keeps the apps below its paths.
_MOUNTS = "mounts"
_DEEPEST = 20


class Several:
    """The notifiers of several apps that one process serves, as one."""

    def __init__(self, notifiers: Sequence[Any]) -> None:
        self._notifiers = notifiers

    def __iter__(self) -> Iterator[Any]:
        """Each of them."""
        return iter(self._notifiers)

    def start(self) -> None:
        """Start them all."""
        for notifier in self._notifiers:
            notifier.start()

    def stop(self, timeout: float) -> None:
        """Stop them all, each in its share of what is left of ``timeout`` seconds.

        One that fails does not keep the others from it; what they raise comes at the end.
        """
        deadline = time.monotonic() + timeout
        errors: list[Exception] = []
        for done, notifier in enumerate(self._notifiers):
            left = max(deadline - time.monotonic(), 0.0)
            try:
                notifier.stop(left / (len(self._notifiers) - done))
            except Exception as error:  # noqa: BLE001 -- raised below
                errors.append(error)
        if errors:
            raise ExceptionGroup("notifiers failed to stop", errors)


def find_notifier(application: Any) -> Any:
    """Return the notifier of a Flask app, maybe inside layers of WSGI middleware, or None.

    Those of apps that are mounted side by side are returned as one (see ``Several``).
    """
    found: list[Any] = []
    layers = [application]
    for layer in layers:
        extensions = getattr(layer, "extensions", None)
        if isinstance(extensions, dict):
            found.append(extensions.get("notifier"))
            continue
        inner = [getattr(layer, name, None) for name in _WRAPPED]
        mounts = getattr(layer, _MOUNTS, None)
        if isinstance(mounts, dict):
            inner.extend(mounts.values())
        layers.extend(one for one in inner if one is not None and len(layers) < _DEEPEST)
    distinct = list({id(one): one for one in found if one is not None}.values())
    return Several(distinct) if len(distinct) > 1 else next(iter(distinct), None)


def lacking_for(workers: int, notifier: Any) -> list[str]:
    """Tell a notifier how many processes serve its app; what it lacks for that, to be logged."""
    every = notifier if isinstance(notifier, Several) else [notifier]
    found = [one.readiness.company.meet(several=workers > 1) for one in every]
    return list(dict.fromkeys(problem for problems in found for problem in problems))


def stop_notifier(notifier: Any, timeout: float, log: Any) -> None:
    """Stop it within ``timeout`` seconds. What goes wrong is logged: the worker ends anyway."""
    if notifier is None:
        return
    from eventlet import Timeout

    try:
        with Timeout(timeout):
            notifier.stop(timeout)
    except Timeout:
        log.warning("the notifier did not stop within %.1f s; its sockets are cut", timeout)
    except Exception:
        log.exception("the notifier failed to stop; its sockets are cut")
