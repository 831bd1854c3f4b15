"""Every code block of the documentation runs, and every line of the Python in it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from notifier.errors import InvalidInput
from tests.docs.blocks import PAGES, blocks_of
from tests.docs.callers import call_what_is_left
from tests.docs.conftest import Begin
from tests.docs.story import Story
from tests.support import ROOT

BADGE = """```jinja
{% from "notifier/badge.html" import badge, scripts with context %}
{{ badge() }} {{ scripts() }}
```"""
WITH_BLOCKS = [page for page in PAGES if "```" in page.read_text()]
LIVE = re.compile(r"127\.0\.0\.1:5000|app\.example|^[^.\n]*flask --app wsgi", re.MULTILINE)


def runs_on(page: Path) -> tuple[bool, bool]:
    """Whether a page speaks of the live app, and whether of PostgreSQL."""
    text = "\n".join(block.text for block in blocks_of(page) if block.kind in {"sh", "python"})
    return bool(LIVE.search(text)), "postgresql://" in text


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_blocks_of_a_page_run(page: Path, begin: Begin) -> None:
    story = begin(*runs_on(page))
    if page.parent not in {ROOT, ROOT / "docs"}:
        shutil.copytree(page.parent, story.folder, dirs_exist_ok=True)
    told_to_the_end(page, story)


def told_to_the_end(page: Path, story: Story) -> None:
    for block in blocks_of(page):
        story.tell(block)
    call_what_is_left(story, page)
    assert story.lines.settle() == [], (
        "these lines never ran; tests/docs/callers.py calls functions"
    )


@pytest.mark.parametrize(
    "page",
    [
        "```\nmake run\n```",
        "```fortran\nSTOP\n```",
        "Code:\n\n    make run",
        "```sh\nmake nothing\n```",
        "```sh\nrm -r something\n```",
        '```json\n{"name": "x", "data": 1, "timestamp": -1}\n```',
        "```sh\necho 1 of 2\n```\n```text\n2 or 3\n```",
        '```cfg title="Procfile"\nweb: something else\n```',
        "```python\ndef nobody_calls_it():\n    return 1\n```",
        "```python\nnever = lambda: 1\n```",
        "```sh\ngunicorn nothing:app\n```",
        "```sh\npip install flask-notifier[nothing]==0\n```",
        "```sh\nmake bench BENCH='polls --hastily'\n```",
        "```jinja\n{{ nobody }}\n```",
        f"{BADGE}\n```js\n(() => {{ if (!document) stop(); }})();\n```",
    ],
)
def test_a_block_that_is_not_right_is_found(
    page: str, begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.docs.blocks.ROOT", tmp_path)
    path = tmp_path / "page.md"
    path.write_text(page + "\n")
    with pytest.raises((AssertionError, AttributeError, InvalidInput, SystemExit)):
        told_to_the_end(path, begin(False))
