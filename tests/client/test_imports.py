"""What the client and the tools for tests need, and what they do without."""

from __future__ import annotations

import subprocess
import sys

from tests.support import ROOT


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout.strip()


def test_the_client_loads_nothing_of_the_server() -> None:
    server = ("flask", "sqlalchemy", "eventlet", "socketio", "redis", "werkzeug", "psycopg2")
    code = (
        "import sys, notifier.client, notifier.client.driver;"
        f"print([name for name in {server} if name in sys.modules])"
    )
    assert python(code) == "[]"


def test_without_websocket_client_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['websocket'] = None\n"
        "import notifier.testing\n"
        "from notifier.client import CannotFollow, follow\n"
        "try: follow('http://127.0.0.1:1', 'token')\n"
        "except CannotFollow as error: print(error)"
    )
    assert python(code).endswith("pip install 'flask-notifier[client]'")
