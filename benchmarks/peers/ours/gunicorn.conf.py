"""The server as the repository deploys it, and a word when a worker is up."""

from runpy import run_path

globals().update(run_path("gunicorn.conf.py"))


def post_worker_init(worker):
    print("ready", flush=True)
