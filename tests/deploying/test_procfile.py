"""The Procfile of docs/deploying.md, line by line, as a host runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.services.process import Process, Reaper
from tests.services.server import SECRET_KEY, clean_environment
from tests.services.valkey import Valkey
from tests.support import ROOT, answers, free_port, wait_until


def test_the_release_prepares_what_the_web_process_serves(
    tmp_path: Path, reaper: Reaper, valkey: Valkey, postgres_url: str
) -> None:
    lines = (line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    commands = dict(lines)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # HOST is not set there: a router has to reach it. Here nobody has to.
    port = free_port()
    environment = clean_environment(
        PATH=path,
        PORT=str(port),
        HOST="127.0.0.1",
        WEB_CONCURRENCY="2",
        SECRET_KEY=SECRET_KEY,
        REDIS_URL=valkey.url,
        DATABASE_URL=postgres_url.replace("postgresql://", "postgres://"),
    )
    subprocess.run(["sh", "-c", commands["release"]], env=environment, cwd=ROOT, check=True)
    web = ["sh", "-c", f"exec {commands['web']}"]
    process = Process(web, reaper=reaper, log=tmp_path / "web.log", env=environment, cwd=ROOT)
    url = f"http://127.0.0.1:{port}/readyz"
    wait_until(lambda: not process.running or answers(url), timeout=60, message=url)
    assert process.running, process.output()
    assert process.stop(signal.SIGTERM, timeout=30) == 0
