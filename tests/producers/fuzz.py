"""The API against its own description: `python -m tests.producers.fuzz [EXAMPLES]`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import flask
from werkzeug.serving import WSGIRequestHandler, make_server

from notifier import Notifier
from notifier.apikeys import ApiKeys
from tests.support import ROOT

CONFIG = Path(__file__).with_name("schemathesis.toml")


class Quiet(WSGIRequestHandler):
    def log_request(self, *_arguments: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The URL of a host app that knows everybody, and credentials for it."""
    app = flask.Flask("host")
    app.config.update(SECRET_KEY="test", DATABASE_URL=f"sqlite:///{folder / 'fuzzed.db'}")
    notifier = Notifier(app)
    notifier.create_tables()
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    keys = ApiKeys(lambda: notifier.engine)
    yield (
        f"http://127.0.0.1:{server.port}",
        {"FUZZ_KEY": keys.make("fuzz"), "FUZZ_TOKEN": notifier.token("alice")},
    )
    server.shutdown()
    thread.join()
    server.server_close()
    notifier.stop(1)
    notifier.engine.dispose()


def run(examples: int, *options: str) -> subprocess.CompletedProcess[str]:
    """Run schemathesis on every operation, the same way each time."""
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as (url, credentials):
        return subprocess.run(
            [
                *(str(Path(sys.executable).with_name("schemathesis")), "--config-file"),
                *(str(CONFIG), "run", f"{url}/api/v1/openapi.json"),
                *("--max-examples", str(examples), *options),
            ],
            cwd=folder,
            env={**os.environ, **credentials, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60 + examples,
        )


if __name__ == "__main__":
    done = run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
    print(done.stdout, done.stderr)  # noqa: T201
    sys.exit(done.returncode)
