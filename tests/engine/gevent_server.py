"""The app of these tests on gevent's own server, which Flask-SocketIO's `run` starts.

``python -m tests.engine.gevent_server PORT``
"""

from __future__ import annotations

import sys

from gevent import monkey


def main() -> None:
    monkey.patch_all()
    from gevent.pywsgi import WSGIServer

    from tests.engine.app import app

    WSGIServer(("127.0.0.1", int(sys.argv[1])), app).serve_forever()


if __name__ == "__main__":
    main()
