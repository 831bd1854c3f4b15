"""The settings of a server in these tests. gunicorn would read the app's own from the root."""

worker_connections = 2_000
control_socket_disable = True
