"""What the blog had to change: `python -m tests.examples.adoption` writes it down."""

from __future__ import annotations

import difflib
from pathlib import Path

from tests.support import ROOT

BLOG = ROOT / "examples" / "blog"
WRITTEN = BLOG / "adoption.diff"


def adoption() -> str:
    """The difference between the two folders, as `diff -u` tells it."""
    before, after = _files(BLOG / "before"), _files(BLOG / "after")
    return "".join(
        line
        for name in sorted(before | after)
        for line in difflib.unified_diff(
            before.get(name, []),
            after.get(name, []),
            f"before/{name}" if name in before else "/dev/null",
            f"after/{name}" if name in after else "/dev/null",
        )
    )


def _files(folder: Path) -> dict[str, list[str]]:
    found = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return {
        path.relative_to(folder).as_posix(): path.read_text().splitlines(keepends=True)
        for path in found
    }


if __name__ == "__main__":
    WRITTEN.write_text(adoption())
