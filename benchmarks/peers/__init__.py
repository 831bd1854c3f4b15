"""The servers that are measured: ours, a Node service, and plain Flask-SocketIO."""
