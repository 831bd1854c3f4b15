"""Where the files that are not Python live.

``static/`` and ``templates/`` stand at the top of the repository. The wheel carries them inside
the package; a checkout, and an editable install of one, has them beside it.
"""

from __future__ import annotations

from pathlib import Path

from notifier.errors import NotifierError

_PACKAGE = Path(__file__).resolve().parent


def static_dir() -> Path:
    """Return the folder of the browser client and its vendored parts.

    Raises:
        NotifierError: the installation is incomplete.

    """
    return _find("static", proof="notifier")


def templates_dir() -> Path:
    """Return the folder of the Jinja templates.

    Raises:
        NotifierError: the installation is incomplete.

    """
    return _find("templates", proof="notifier")


def _find(name: str, proof: str) -> Path:
    """Return the folder `name` that holds `proof`; a stranger's folder of that name does not."""
    for folder in (_PACKAGE / name, _PACKAGE.parent / name):
        if (folder / proof).is_dir():
            return folder
    raise NotifierError(
        f"flask-notifier is installed without its {name} folder: reinstall the package"
    )
