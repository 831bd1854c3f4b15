"""Flask-SocketIO as tutorials use it, with the notifier's tables."""
