"""The two calls a worker makes to the application it serves, which may have no notifier."""

from __future__ import annotations

from typing import Any

__all__ = ["find_notifier", "stop_notifier"]

# Where WSGI middleware keeps what it wraps; a bound method (``flask_app.wsgi_app``) names its app.
_WRAPPED = ("app", "wsgi_app", "flask_app", "application", "__wrapped__", "__self__")
_DEEPEST = 20


def find_notifier(application: Any) -> Any:
    """Return the notifier of a Flask app, maybe inside layers of WSGI middleware, or None."""
    layers = [application]
    for layer in layers:
        extensions = getattr(layer, "extensions", None)
        if isinstance(extensions, dict):
            return extensions.get("notifier")
        inner = (getattr(layer, name, None) for name in _WRAPPED)
        layers.extend(one for one in inner if one is not None and len(layers) < _DEEPEST)
    return None


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
