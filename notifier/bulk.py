"""Messages to more users than a transaction should hold: part by part, through bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from . import messages
from .config import Settings
from .errors import InvalidInput
from .outages import OutcomeUnknown
from .store import Store

__all__ = ["PART", "broadcast"]

PART = 5_000
"""Recipients in one transaction, and so locked together: for some tenths of a second."""


def broadcast(
    store: Store,
    settings: Settings,
    to: Iterable[object],
    body: object,
    sender: object = None,
    progress: Callable[[int], None] = lambda _sent: None,
) -> int:
    """Send ``body`` to each of ``to``; how many messages that made.

    Every ``PART`` recipients are committed by themselves, in the order given, and handed to the
    broker before the next; ``progress`` is told how many there are so far. An error, of the
    database or in a recipient, ends it: what was committed stays, and a note on the error says
    how many recipients were served, so that the rest can be sent later; after an OutcomeUnknown
    the part that comes next may have been sent to, and a note says how many that are. A user who is
    named twice far apart gets two messages.
    """
    if isinstance(to, str | bytes | Mapping) or not isinstance(to, Iterable):
        raise InvalidInput("to", "must be many user ids; use send for one")
    sent = served = trying = 0
    try:
        for part in _parts(to, min(PART, settings.max_recipients)):
            trying = len(part)
            operations = messages.send(settings, part, body, sender)
            written = store.commit(operations)
            # As much as is committed waits for the broker, and no more.
            store.publisher.flush(settings.queue_seconds)
            sent += len(written.messages)
            served += len(part)
            progress(sent)
    except Exception as error:
        error.add_note(f"The first {served} recipients were sent to before that.")
        if isinstance(error, OutcomeUnknown):
            error.add_note(f"The next {trying} may have been as well: look before you send again.")
        raise
    return sent


def _parts(to: Iterable[object], most: int) -> Iterator[list[object]]:
    remaining = iter(to)
    while part := list(islice(remaining, most)):
        yield part
