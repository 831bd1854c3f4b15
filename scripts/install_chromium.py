"""Make sure that there is a Chromium for the browser tests.

One on PATH is used as it is. Otherwise root asks the system's package manager first and
playwright second; anybody else the other way round.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Per package manager: the commands that install Chromium without asking.
PACKAGE_MANAGERS = {
    "apt-get": (
        ("apt-get", "update", "-qq"),
        (
            *("apt-get", "install", "-qq", "-y", "--no-install-recommends"),
            *("chromium", "fonts-liberation"),
        ),
    ),
    "dnf": (("dnf", "install", "-q", "-y", "chromium"),),
    "apk": (("apk", "add", "--quiet", "chromium"),),
    "pacman": (("pacman", "-Sy", "--noconfirm", "chromium"),),
}


def main() -> int:
    """Return 0 when there is a Chromium in the end, else 1."""
    if found():
        return 0
    attempts: list[Callable[[], None]] = [install_from_system, install_from_playwright]
    if os.geteuid() != 0:
        attempts.reverse()
    for attempt in attempts:
        try:
            attempt()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"install_chromium: {error}", file=sys.stderr)
        if path := found():
            print(f"install_chromium: {path}")
            return 0
    print(
        "install_chromium: no Chromium could be installed; install the package 'chromium' by hand",
        file=sys.stderr,
    )
    return 1


def found() -> str | None:
    """Return the path of a Chromium: on PATH, or playwright's own."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install_from_system() -> None:
    """Install the system's package, as root, or through sudo where that asks for nothing."""
    for manager, commands in PACKAGE_MANAGERS.items():
        if shutil.which(manager):
            for command in commands:
                run(*as_root(), *command)
            return
    raise OSError("no known package manager found")


def install_from_playwright() -> None:
    """Install playwright's own build, and the libraries it needs where we may."""
    run(sys.executable, "-m", "playwright", "install", "chromium")
    if os.geteuid() == 0:
        run(sys.executable, "-m", "playwright", "install-deps", "chromium")


def as_root() -> list[str]:
    """Return what to put before a command that only root may run."""
    return [] if os.geteuid() == 0 else ["sudo", "-n"]


def run(*command: str) -> None:
    """Run a command, shown, with nothing to answer its questions.

    Raises:
        OSError: there is no such program.
        subprocess.CalledProcessError: it failed.
    """
    print("install_chromium:", *command, flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, env=environment)


if __name__ == "__main__":
    sys.exit(main())
