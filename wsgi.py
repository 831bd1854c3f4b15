"""The WSGI entry point: ``gunicorn -c gunicorn.conf.py wsgi:app``."""

from notifier.engine.patching import patch

patch()  # eventlet, before any other import: what is imported earlier stays blocking

from pathlib import Path  # noqa: E402

from notifier.app import create_app  # noqa: E402

app = create_app(instance_path=str(Path(__file__).resolve().parent / "instance"))
