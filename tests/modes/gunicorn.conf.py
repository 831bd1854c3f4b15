"""The settings of a server in these tests. gunicorn would read the app's own from the root."""

from notifier.engine.hooks import post_worker_init  # noqa: F401 -- gunicorn looks for it here

worker_connections = 2_000
control_socket_disable = True
