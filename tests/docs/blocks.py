"""The code blocks of a Markdown page."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from tests.support import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCED = re.compile(r"^( *)(`{3,})([^\s`]*)([^\n`]*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
# Four spaces after a paragraph that is no item of a list: code too, but of no known kind.
_INDENTED = re.compile(r"^(?![-*+\d\s])[^\n]*\n\n {4,}\S", re.MULTILINE)
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Block:
    """A fenced block: ``kind`` is what follows the fence, ``title`` the file it is to be put in."""

    page: Path
    line: int
    kind: str
    title: str | None
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """The blocks in their order. One without a fence fails: nobody could tell its kind."""
    content = page.read_text()
    if found := _INDENTED.search(_FENCED.sub("", content)):
        raise AssertionError(f"{page}: put ``` and a kind around the code after {found[0]!r}")
    return [
        Block(
            page,
            content.count("\n", 0, found.start()) + 1,
            found[3],
            title[1] if (title := _TITLE.search(found[4])) else None,
            textwrap.dedent(found[5]),
        )
        for found in _FENCED.finditer(content)
    ]
