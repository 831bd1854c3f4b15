"""The common suite: each behaviour on eventlet, gevent and threads, served by a real gunicorn."""
