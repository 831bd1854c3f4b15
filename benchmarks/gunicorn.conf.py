"""The server of the transports' benchmark."""

worker_class = "notifier.engine.worker.EventletWorker"
worker_connections = 20_000
control_socket_disable = True
loglevel = "warning"
