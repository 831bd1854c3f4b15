"""An application that owns an embedded broker: prints its URL and waits to be ended."""

from __future__ import annotations

import signal
import sys

from notifier.broker.embedded import start_embedded

embedded = start_embedded(sys.argv[1])
# Only now: the processes it started would inherit the mask.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
sys.stdout.write(f"{embedded.url if embedded else None}\n")
sys.stdout.flush()
signal.sigwait({signal.SIGTERM})
if embedded:
    embedded.close()
