"""eventlet, gunicorn and Engine.IO: everything that depends on how the app is served."""
