"""The smallest host: a Flask app whose users come with tokens."""

from notifier.engine.patching import patch

patch()  # before any other import

import time  # noqa: E402

import flask  # noqa: E402

from notifier import Notifier  # noqa: E402
from notifier.models import UNREAD  # noqa: E402
from notifier.operations import Event  # noqa: E402
from notifier.stamps import system_clock  # noqa: E402

app = flask.Flask(__name__)
notifier = Notifier(app)


@app.post("/bench/push")
def push() -> dict[str, int]:
    """Publish without the database, to one of ``users`` at a time, ``rate`` a second."""
    wanted = flask.request.get_json()
    count, rate, first = wanted["count"], wanted["rate"], wanted["first"]
    began = time.monotonic()
    for number in range(count):
        user = f"u{(first + number) * 7919 % wanted['users']:06}"
        stamp = system_clock()
        notifier.publisher.publish([Event(user, UNREAD, number, stamp, stamp - 1)])
        ahead = (number + 1) / rate - (time.monotonic() - began)
        if ahead > 0.001:
            time.sleep(ahead)
    return {"count": count}
